/** The layers in first place of a model, and every argument that tf.layers takes for any layer. */
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { kit, numbers, wave, worst } from "./oracle.ts";

const { MultiHeadAttention, PaddingMask } = kit;
const args = { mechanism: "softmax", numHeads: 2, keyDim: 4 };
const code = (code: string) => expect.objectContaining({ name: "AttentionError", code });
const symbolic = (x: unknown) => x as tfl.SymbolicTensor;
const x = () => tf.tensor3d(wave(2, 3, 8, 0.4));

beforeAll(async () => {
  await tf.setBackend("cpu");
  for (const layer of Object.values(kit)) tf.serialization.registerClass(layer);
});

/** The model saved with its weights and loaded again. */
async function again(model: tfl.LayersModel): Promise<tfl.LayersModel> {
  const saved: tf.io.ModelArtifacts[] = [];
  const keep = async (artifacts: tf.io.ModelArtifacts) => {
    saved.push(artifacts);
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" as const } };
  };
  await model.save(tf.io.withSaveHandler(keep));
  const [artifacts] = saved;
  const modelTopology = JSON.parse(JSON.stringify(artifacts!.modelTopology));
  return tfl.loadLayersModel(tf.io.fromMemory({ ...artifacts, modelTopology }));
}

const places = [
  { inputShape: [3, 8] },
  { inputShape: [null, 8] },
  { batchInputShape: [null, 3, 8] },
  { batchInputShape: [2, null, 8] },
  { inputShape: [3, 8], batchSize: 2 },
  { inputShape: [3, 8], dtype: "float32" as const },
  { inputShape: [3, 8], inputDType: "float32" as const },
];

describe.each(places)("first, with %o", (place) => {
  test("in tf.sequential: the output of the layer alone, training, and the same once saved and loaded", async () => {
    const layer = new MultiHeadAttention({ ...args, ...place });
    const model = tfl.sequential({ layers: [layer, tfl.layers.dense({ units: 2 })] });
    const alone = tfl.sequential({ layers: [new MultiHeadAttention({ ...args, ...place })] });
    expect((alone.predict(x(), { batchSize: 2 }) as tf.Tensor).shape).toEqual([2, 3, 8]);
    const [t, y] = [x(), tf.zeros([2, 3, 2])];
    model.compile({ optimizer: tf.train.sgd(0.1), loss: "meanSquaredError" });
    const before = await Promise.all(layer.getWeights().map(async (w) => (await numbers(w)).join()));
    const { history } = await model.fit(t, y, { epochs: 3, batchSize: 2, verbose: 0 });
    expect(history.loss!.at(-1)).toBeLessThan(history.loss![0] as number);
    const after = await Promise.all(layer.getWeights().map(async (w) => (await numbers(w)).join()));
    expect(after.filter((w, i) => w !== before[i]).length).toBeGreaterThanOrEqual(7);
    const [dense] = [model.layers[1]!];
    const want = await numbers(dense.apply(layer.apply(t) as tf.Tensor) as tf.Tensor);
    const predict = async (m: tfl.LayersModel) => numbers(m.predict(t, { batchSize: 2 }) as tf.Tensor);
    expect(worst(await predict(model), want)).toBeLessThan(1e-6);
    const loaded = await again(model);
    expect(await predict(loaded)).toEqual(await predict(model));
    expect(loaded.layers[0]!.getConfig()).toEqual(layer.getConfig());
    expect(loaded.layers[0]!.batchInputShape).toEqual(layer.batchInputShape);
  });

  test("in the functional API, without a warning", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const layer = new MultiHeadAttention({ ...args, ...place });
    const input = tfl.input({ shape: [3, 8] });
    const model = tfl.model({ inputs: input, outputs: symbolic(layer.apply(input)) });
    const value = tfl.input({ shape: [5, 4] });
    const other = new MultiHeadAttention({ ...args, ...place });
    const both = tfl.model({ inputs: [input, value], outputs: symbolic(other.apply([input, value])) });
    expect(await numbers(model.predict(x()) as tf.Tensor)).toEqual(await numbers(layer.apply(x()) as tf.Tensor));
    const pair = [x(), tf.tensor3d(wave(2, 5, 4, 1))];
    const want = await numbers(other.apply(pair) as tf.Tensor);
    expect(await numbers(both.predict(pair) as tf.Tensor)).toEqual(want);
    expect(await numbers((await again(both)).predict(pair) as tf.Tensor)).toEqual(want);
    const texts = warn.mock.calls.flat().join();
    warn.mockRestore();
    expect(texts).not.toContain("batchInputShape");
  });
});

test("a model that begins with the layer, inside another and on its own", async () => {
  const inner = tfl.sequential({ layers: [new MultiHeadAttention({ ...args, inputShape: [3, 8] })] });
  const model = tfl.sequential({ layers: [inner, tfl.layers.flatten(), tfl.layers.dense({ units: 1 })] });
  expect((model.predict(x()) as tf.Tensor).shape).toEqual([2, 1]);
  const loaded = await again(model);
  expect(await numbers(loaded.predict(x()) as tf.Tensor)).toEqual(await numbers(model.predict(x()) as tf.Tensor));
  const late = tfl.sequential();
  late.add(new MultiHeadAttention({ ...args, inputShape: [3, 8] }));
  late.add(new MultiHeadAttention(args));
  expect((late.predict(x()) as tf.Tensor).shape).toEqual([2, 3, 8]);
});

test("dtype int32 of a first layer is the type of its input", async () => {
  for (const type of [{ dtype: "int32" }, { inputDType: "int32" }, { inputDtype: "int32" }] as const) {
    const layer = new MultiHeadAttention({ ...args, inputShape: [3, 8], ...type });
    const model = tfl.sequential({ layers: [layer] });
    const whole = tf.tensor3d(wave(2, 3, 8, 0.4).map((rows) => rows.map((row) => row.map((n) => Math.round(9 * n)))));
    const want = await numbers(layer.apply(whole) as tf.Tensor);
    expect(await numbers(model.predict(tf.cast(whole, "int32")) as tf.Tensor)).toEqual(want);
    expect(await numbers((await again(model)).predict(tf.cast(whole, "int32")) as tf.Tensor)).toEqual(want);
  }
});

test("name, trainable and weights", async () => {
  const made = new MultiHeadAttention(args);
  made.apply(x());
  const weights = made.getWeights().map((w) => tf.add(w, 0.1));
  const layer = new MultiHeadAttention({ ...args, name: "mixer", trainable: false, weights, inputShape: [3, 8] });
  const model = tfl.sequential({ layers: [layer, tfl.layers.dense({ units: 1 })] });
  expect(model.layers[0]!.name).toBe("mixer");
  made.setWeights(weights);
  expect(await numbers(layer.apply(x()) as tf.Tensor)).toEqual(await numbers(made.apply(x()) as tf.Tensor));
  model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  expect(model.trainableWeights).toHaveLength(2);
  await model.fit(x(), tf.ones([2, 3, 1]), { epochs: 1, verbose: 0 });
  expect(await numbers(layer.apply(x()) as tf.Tensor)).toEqual(await numbers(made.apply(x()) as tf.Tensor));
  expect((await again(model)).layers[0]!.trainable).toBe(false);
  for (const wrong of [weights.slice(1), weights.toReversed(), [], [undefined]]) {
    const refused = new MultiHeadAttention({ ...args, weights: wrong as tf.Tensor[] });
    expect(() => refused.apply(x())).toThrow(code("ATTN_SHAPE"));
  }
});

test.each([
  { inputShape: [8] },
  { inputShape: [3, null] },
  { inputShape: [3, 8, 1] },
  { inputShape: 8 },
  { inputShape: [0, 8] },
  {
    inputShape: [
      [3, 8],
      [3, 8],
    ],
  },
  { batchInputShape: [3, 8] },
  { batchInputShape: [null, 3, 8], inputShape: [4, 8] },
  { batchInputShape: [null, 3, 8], batchSize: 2 },
  { batchSize: 2 },
  { inputShape: [3, 8], batchSize: 0 },
  { inputShape: [3, 8], dtype: "bool" },
  { inputShape: [3, 8], dtype: "float16" },
  { inputShape: [3, 8], dtype: "int32", inputDType: "float32" },
  { dtype: "int32" },
  { name: 3 },
  { name: "" },
  { trainable: "yes" },
  { weights: 3 },
  { lastIsMask: 1 },
  { activityRegularizer: "l2" },
  { goBackwards: true },
  { attentionAxes: [1] },
])("%o is refused", (wrong) => {
  expect(() => new MultiHeadAttention({ ...args, ...wrong } as never)).toThrow(code("ATTN_OPTION"));
});

test.each([[undefined], [null], ["softmax"]])("arguments %o are refused", (wrong) => {
  expect(() => new MultiHeadAttention(wrong as never)).toThrow(code("ATTN_OPTION"));
});

test("PaddingMask comes first too, and takes the same arguments", async () => {
  const tokens = tf.tensor2d([[3, 0, 7]], undefined, "int32");
  const place = { inputShape: [3], name: "padding", trainable: false };
  const model = tfl.sequential({ layers: [new PaddingMask({ ...place, dtype: "int32" })] });
  for (const m of [model, await again(model)]) expect(await numbers(m.predict(tokens) as tf.Tensor)).toEqual([1, 0, 1]);
});
