/** The layer in models: masks as tf.layers hands them over, saving and loading. */
import { scores, softmax } from "@attnkit/softmax";
import { attentionLayers } from "@attnkit/tfjs/layers";
import "@tensorflow/tfjs-backend-cpu";
import { mechanisms } from "@attnkit/catalog";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { beforeAll, describe, expect, test } from "vitest";
import { given, kit, numbers, worst } from "./oracle.ts";

const { MultiHeadAttention, PaddingMask } = kit;
const [D, vocabulary] = [6, 11];
const first = mechanisms.map(({ name, variants }) => ({ name, options: variants[0]! }));
const every = mechanisms.flatMap(({ name, variants }) => variants.map((options) => ({ name, options })));
const code = (code: string) => expect.objectContaining({ name: "AttentionError", code });
const sizes = { numHeads: 2, keyDim: 3 };
const embedding = () => tfl.layers.embedding({ inputDim: vocabulary, outputDim: D, maskZero: true });
const ids = (rows: number[][]) => tf.tensor2d(rows, undefined, "int32");
const predict = async (model: tfl.LayersModel, x: tf.Tensor | tf.Tensor[]) => numbers(model.predict(x) as tf.Tensor);
const symbolic = (x: unknown) => x as tfl.SymbolicTensor;

beforeAll(async () => {
  await tf.setBackend("cpu");
  for (const layer of Object.values(kit)) tf.serialization.registerClass(layer);
});

describe.each(first)("$name", ({ name: mechanism, options: mechanismOptions }) => {
  const attention = (more: object = {}) => new MultiHeadAttention({ ...sizes, mechanism, mechanismOptions, ...more });

  test("padded tokens change nothing, in one layer, in the next, and behind a residual connection", async () => {
    const tokens = tfl.input({ shape: [null], dtype: "int32" });
    const embedded = symbolic(embedding().apply(tokens));
    const once = symbolic(attention().apply([embedded, embedded]));
    const added = tfl.layers.add().apply([embedded, once]);
    const x = tfl.layers.layerNormalization().apply(symbolic(added)) as tfl.SymbolicTensor;
    const outputs = symbolic(attention({ numKvHeads: 1 }).apply(x));
    const twice = symbolic(attention().apply(once));
    for (const model of [once, twice, outputs].map((outputs) => tfl.model({ inputs: tokens, outputs }))) {
      const [short, long] = [ids([[3, 5, 1, 8]]), ids([[3, 5, 1, 8, 0, 0, 0]])];
      const [want, got] = [await predict(model, short), await predict(model, long)];
      expect(worst(got.slice(0, 4 * D), want)).toBeLessThan(1e-5);
      // Batches pad each row by itself.
      const both = await predict(
        model,
        ids([
          [3, 5, 1, 8, 0, 0, 0],
          [2, 0, 0, 0, 0, 0, 0],
        ]),
      );
      expect(worst(both.slice(0, 4 * D), want)).toBeLessThan(1e-5);
      expect(worst(both.slice(7 * D, 8 * D), await predict(model, ids([[2]])))).toBeLessThan(1e-5);
    }
  });

  test("cross-attention reads a padded memory through the mask among its inputs", async () => {
    const [query, tokens] = [tfl.input({ shape: [null, D] }), tfl.input({ shape: [null], dtype: "int32" })];
    const memory = symbolic(embedding().apply(tokens));
    const mask = symbolic(new PaddingMask().apply(tokens));
    const read = (x: tfl.SymbolicTensor) =>
      symbolic(attention({ useInputMask: false }).apply([x, memory, memory, mask]));
    const once = read(query);
    const outputs = symbolic(tfl.layers.add().apply([once, read(once)]));
    const model = tfl.model({ inputs: [query, tokens], outputs });
    const x = tf.randomUniform([1, 3, D], -1, 1, "float32", 7);
    const want = await predict(model, [x, ids([[4, 9]])]);
    expect(worst(await predict(model, [x, ids([[4, 0, 9, 0, 0]])]), want)).toBeLessThan(1e-5);
  });

  test("a model that is saved and loaded again predicts the same", async () => {
    const inputs = tfl.input({ shape: [5, D] });
    const kernel = { kernelInitializer: "heNormal" as const, kernelRegularizer: "l1l2" as const };
    const one = attention({ useCausalMask: true, numKvHeads: 1, outputShape: 4, ...kernel });
    const two = attention({ dropout: 0.2, dropoutOn: "output", useBias: false });
    const model = tfl.model({ inputs, outputs: symbolic(two.apply(symbolic(one.apply(inputs)))) });
    const saved: tf.io.ModelArtifacts[] = [];
    const keep = tf.io.withSaveHandler(async (artifacts) => {
      saved.push(artifacts);
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    });
    await model.save(keep);
    const artifacts = saved[0]!;
    const read = { ...artifacts, modelTopology: JSON.parse(JSON.stringify(artifacts.modelTopology)) };
    const loaded = await tfl.loadLayersModel(tf.io.fromMemory(read));
    const x = tf.randomUniform([2, 5, D], -1, 1, "float32", 8);
    expect(await predict(loaded, x)).toEqual(await predict(model, x));
    expect(loaded.getConfig()).toEqual(model.getConfig());
    expect(loaded.getWeights()).toHaveLength(8 + 4);
  });
});

test.each(every)("$name $options survives tf.layers' change of case", ({ name, options }) => {
  const layer = new MultiHeadAttention({ ...sizes, mechanism: name, mechanismOptions: options });
  const model = tfl.model(((x) => ({ inputs: x, outputs: symbolic(layer.apply(x)) }))(tfl.input({ shape: [null, D] })));
  const { config } = JSON.parse(model.toJSON() as string);
  expect(JSON.stringify(config)).toContain('"mechanism_options"');
  return tfl.models.modelFromJSON(JSON.parse(model.toJSON() as string)).then((loaded) => {
    const again = loaded.layers.at(-1) as typeof layer;
    expect(again.mechanism.options).toEqual(layer.mechanism.options);
    expect(again.getConfig()).toEqual(layer.getConfig());
  });
});

test("a layer given its mechanism by value loads where that is registered by name, and only there", () => {
  const layer = new MultiHeadAttention({ ...sizes, mechanism: softmax({ scale: 0.2, window: [3, null] }) });
  const config = layer.getConfig();
  const again = MultiHeadAttention.fromConfig(MultiHeadAttention as never, config) as typeof layer;
  expect(again.mechanism.options).toEqual({ scale: 0.2, window: [3, null] });
  const { tf, layers } = given();
  const bare = attentionLayers({ tf, layers }).MultiHeadAttention;
  expect(() => bare.fromConfig(bare as never, config)).toThrow(code("ATTN_OPTION"));
});

test("scores as a second output of a model", async () => {
  const { MultiHeadAttention } = attentionLayers(given(scores));
  const layer = new MultiHeadAttention({ ...sizes, mechanism: "softmax", returnAttentionScores: true });
  const tokens = tfl.input({ shape: [4], dtype: "int32" });
  const outputs = layer.apply(symbolic(embedding().apply(tokens))) as tfl.SymbolicTensor[];
  expect(outputs.map((x) => x.shape)).toEqual([
    [null, 4, D],
    [null, 2, 4, 4],
  ]);
  const [, weights] = tfl.model({ inputs: tokens, outputs }).predict(ids([[1, 2, 0, 0]])) as [tf.Tensor, tf.Tensor];
  const rows = (await weights.array()) as number[][][][];
  for (const row of rows.flat(2)) {
    expect(row[0]! + row[1]!).toBeCloseTo(1, 5);
    expect(row.slice(2)).toEqual([0, 0]);
  }
});

describe("masks that tf.layers loses or mixes up are errors", () => {
  const tokens = () => tfl.input({ shape: [null], dtype: "int32" });

  test("the mask of a memory, which is not the first input", () => {
    const [query, source] = [tfl.input({ shape: [null, D] }), tokens()];
    const memory = symbolic(embedding().apply(source));
    const outputs = symbolic(new MultiHeadAttention({ ...sizes, mechanism: "softmax" }).apply([query, memory]));
    const model = tfl.model({ inputs: [query, source], outputs });
    expect(() => model.predict([tf.ones([1, 3, D]), ids([[4, 0]])])).toThrow(code("ATTN_UNSUPPORTED"));
  });

  test("the mask of another layer, for keys that have none", async () => {
    const [a, b] = [tokens(), tfl.input({ shape: [null, D] })];
    const masked = symbolic(embedding().apply(a));
    const build = (useInputMask: boolean) => {
      const layer = new MultiHeadAttention({ ...sizes, mechanism: "softmax", useInputMask });
      const consumer = tfl.layers.dense({ units: 1 });
      return tfl.model({ inputs: [a, b], outputs: [symbolic(consumer.apply(masked)), symbolic(layer.apply(b))] });
    };
    const x = [ids([[4, 0]]), tf.ones([1, 2, D])];
    expect(() => build(true).predict(x)).toThrow(code("ATTN_UNSUPPORTED"));
    expect(() => build(true).predict([x[0]!, tf.ones([1, 3, D])])).toThrow(code("ATTN_SHAPE"));
    const [, y] = build(false).predict(x) as tf.Tensor[];
    expect((await numbers(y!)).every(Number.isFinite)).toBe(true);
  });
});
