/** The layers inside nested models and wrappers, beside recurrent layers, and what `PaddingMask` and `attentionLayers` take. */
import { attentionLayers } from "@attnkit/tfjs/layers";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { beforeAll, describe, expect, test } from "vitest";
import { given, kit, numbers, wave, worst } from "./oracle.ts";
import { apply, refused } from "./refused.ts";

const { MultiHeadAttention, PaddingMask } = kit;
const code = (code: string) => expect.objectContaining({ name: "AttentionError", code });
const make = (more: object = {}) =>
  new MultiHeadAttention({ mechanism: "softmax", numHeads: 2, keyDim: 3, useBias: false, ...more });
const symbolic = (x: unknown) => x as tfl.SymbolicTensor;
const tensor = (x: number[][][]) => tf.tensor3d(x);

beforeAll(async () => {
  await tf.setBackend("cpu");
  for (const layer of Object.values(kit)) tf.serialization.registerClass(layer);
});

describe("masks through nested models and wrappers are used or refused", () => {
  const tokens = () => tfl.input({ shape: [3], dtype: "int32" });
  const embedding = () => tfl.layers.embedding({ inputDim: 9, outputDim: 6, maskZero: true });
  const ids = tf.tensor2d([[3, 5, 0]], undefined, "int32");

  test("a nested model, whose inputs have no masks in tf.layers", async () => {
    const inner = (more: object) => {
      const x = tfl.input({ shape: [3, 6] });
      return tfl.model({ inputs: x, outputs: symbolic(make(more).apply(x)) });
    };
    const outer = (more: object) => {
      const x = tokens();
      return tfl.model({ inputs: x, outputs: symbolic(inner(more).apply(symbolic(embedding().apply(x)))) });
    };
    expect(() => outer({}).predict(ids)).toThrow(code("ATTN_UNSUPPORTED"));
    expect((outer({ useInputMask: false }).predict(ids) as tf.Tensor).shape).toEqual([1, 3, 6]);
    const plain = inner({});
    const x = tfl.input({ shape: [3, 6] });
    const nested = tfl.model({ inputs: x, outputs: symbolic(plain.apply(x)) });
    const t = tensor(wave(2, 3, 6, 1));
    expect(await numbers(nested.predict(t) as tf.Tensor)).toEqual(await numbers(plain.predict(t) as tf.Tensor));
  });

  test("timeDistributed, whose mask is of another axis", async () => {
    const layer = make();
    const x = tfl.input({ shape: [3, 3, 6] });
    const wrapped = symbolic(tfl.layers.timeDistributed({ layer }).apply(x));
    const t = tf.randomUniform([2, 3, 3, 6], -1, 1, "float32", 3);
    const model = tfl.model({ inputs: x, outputs: wrapped });
    const y = model.predict(t) as tf.Tensor;
    const loaded = await tfl.models.modelFromJSON(JSON.parse(model.toJSON() as string));
    loaded.setWeights(model.getWeights());
    expect(await numbers(loaded.predict(t) as tf.Tensor)).toEqual(await numbers(y));
    const steps = tf.unstack(t, 1).map((step) => apply(layer, step));
    expect(worst(await numbers(y), await numbers(tf.stack(steps, 1)))).toBeLessThan(1e-6);
    const masked = tfl.layers.timeDistributed({ layer: make() });
    expect(() => masked.apply(t, { mask: tf.ones([2, 3], "bool") })).toThrow(code("ATTN_UNSUPPORTED"));
    expect(() => masked.apply(t, { attentionMask: tf.ones([2, 3], "bool") })).toThrow(code("ATTN_SHAPE"));
  });

  test("bidirectional is for recurrent layers", () => {
    expect(() => tfl.layers.bidirectional({ layer: make() as never })).toThrow(code("ATTN_OPTION"));
  });

  test("what recurrent layers leave in the arguments of a running model is none of this layer's", async () => {
    const [x, h, c] = [tfl.input({ shape: [3, 6] }), tfl.input({ shape: [6] }), tfl.input({ shape: [6] })];
    const lstm = symbolic(
      tfl.layers.lstm({ units: 6, returnSequences: true, recurrentInitializer: "glorotNormal" }).apply([x, h, c]),
    );
    const model = tfl.model({ inputs: [x, h, c], outputs: symbolic(make().apply(lstm)) });
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const inputs = [tf.ones([2, 3, 6]), tf.ones([2, 6]), tf.ones([2, 6])];
    const { history } = await model.fit(inputs, tf.ones([2, 3, 6]), { epochs: 1, verbose: 0 });
    expect(Number.isFinite(history.loss![0])).toBe(true);
  });
});

describe("PaddingMask takes tokens and nothing else", () => {
  test.each([
    ["ATTN_OPTION", { padding: 0.5 }],
    ["ATTN_OPTION", { padding: "0" }],
    ["ATTN_OPTION", { maskZero: true }],
    ["ATTN_OPTION", { inputShape: [3, 6] }],
    ["ATTN_OPTION", { weights: [tf.ones([2])] }],
  ])("%s for %o", (wanted, args) => refused(() => new PaddingMask(args as never), wanted));

  test.each([
    ["ATTN_SHAPE", [tf.ones([2, 3]), tf.ones([2, 3])], {}],
    ["ATTN_SHAPE", tf.ones([2, 3, 4]), {}],
    ["ATTN_DATA", tf.ones([2, 3], "bool"), {}],
    ["ATTN_DATA", undefined, {}],
    ["ATTN_OPTION", tf.ones([2, 3]), { padding: 3 }],
  ])("%s", (wanted, inputs, kwargs) => refused(() => apply(new PaddingMask(), inputs, kwargs), wanted));
});

test("attentionLayers says what it needs", () => {
  for (const wrong of [
    undefined,
    {},
    { tf },
    { layers: tfl.layers },
    { ...given(), mechanisms: { softmax: 1 } },
    { ...given(), mechanism: {} },
  ])
    refused(() => attentionLayers(wrong as never), "ATTN_OPTION");
});
