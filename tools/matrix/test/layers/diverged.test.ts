/** NaN that a row sees is NaN in its output, with a mask and without one; NaN behind a mask of keys is not. */
import { logsumexp } from "@attnkit/logsumexp";
import { scores } from "@attnkit/softmax";
import { attentionLayers } from "@attnkit/tfjs/layers";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import { mechanisms } from "@attnkit/catalog";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { describe, expect, test } from "vitest";
import { given, kit, numbers, wave } from "./oracle.ts";

const { MultiHeadAttention } = kit;
const [B, L, D] = [2, 4, 6];
const variants = mechanisms.flatMap((entry) => entry.variants.map((options) => ({ ...entry, options })));
const ones = (shape: number[]) => tf.ones(shape, "bool");
const x = () => tf.tensor3d(wave(B, L, D, 0.3));

/** Sets every number of the `i`-th weight to `value`: kernels of query, key, value and output, in this order. */
function spoil(layer: tfl.layers.Layer, i: number, value = Number.NaN): void {
  layer.setWeights(layer.getWeights().map((w, n) => (n === i ? tf.fill(w.shape, value) : w)));
}

describe.each(["cpu", "wasm"])("on tfjs-%s", (backend) => {
  test.each(variants)("$name $options: weights that are NaN", async ({ name, options }) => {
    await tf.setBackend(backend);
    for (const causal of [false, true])
      for (const part of [0, 1, 2, 3]) {
        const layer = new MultiHeadAttention({
          ...{ mechanism: name, mechanismOptions: options, numHeads: 2, keyDim: 3, useBias: false },
          useCausalMask: causal,
        });
        const t = x();
        layer.apply(t);
        spoil(layer, part);
        for (const inputs of [[t], [t, t, ones([B, L])]])
          expect(await numbers(layer.apply(inputs) as tf.Tensor), `${causal} ${part} ${inputs.length}`).toEqual(
            Array(B * L * D).fill(Number.NaN),
          );
        expect(await numbers(layer.apply(t, { mask: ones([B, L]) }) as tf.Tensor)).toEqual(
          Array(B * L * D).fill(Number.NaN),
        );
        if (causal) expect((await numbers(layer.decode(t, undefined, ones([B, L])).y)).every(Number.isNaN)).toBe(true);
        layer.dispose();
      }
  });
});

test.each(["mask", "weights"])("softmax with pairs masked, by the program or by the matrix of %s", async (way) => {
  await tf.setBackend("cpu");
  const { MultiHeadAttention } = attentionLayers(given(scores));
  const returnAttentionScores = way === "weights";
  const layer = new MultiHeadAttention({
    mechanism: "softmax",
    numHeads: 1,
    keyDim: 3,
    useBias: false,
    returnAttentionScores,
  });
  const t = x();
  layer.apply(t);
  spoil(layer, 2);
  for (const mask of [ones([B, L]), ones([B, L, L]), ones([B, 1, L, L])]) {
    const [y] = [layer.apply([t, t, mask])].flat() as tf.Tensor[];
    expect((await numbers(y!)).every(Number.isNaN)).toBe(true);
  }
});

test.each(variants)("$name $options: NaN behind a mask of keys stays there", async ({ name, options }) => {
  await tf.setBackend("cpu");
  const layer = new MultiHeadAttention({ mechanism: name, mechanismOptions: options, numHeads: 2, keyDim: 3 });
  const broken = tf.tensor3d(
    wave(B, L, D, 0.3).map((rows) => rows.map((row, j) => (j === 1 ? row.map(() => Number.NaN) : row))),
  );
  const mask = tf.tensor2d(Array(B).fill([1, 0, 1, 1]));
  const inputs = [x(), broken, mask];
  expect((await numbers(layer.apply(inputs) as tf.Tensor)).every(Number.isFinite)).toBe(true);
  const seen = await numbers(layer.apply([x(), broken, ones([B, L])]) as tf.Tensor);
  expect(seen.every(Number.isNaN)).toBe(true);
  const nothing = await numbers(layer.apply([x(), broken, tf.zeros([B, L])]) as tf.Tensor);
  expect(nothing.every((y) => y === 0)).toBe(true);
});

test("logarithms of values: an empty row is 0, one that sees log 0 is not", async () => {
  await tf.setBackend("cpu");
  const identity = { kernelInitializer: "identity" as const, useBias: false };
  const layer = new MultiHeadAttention({
    mechanism: logsumexp({ logValues: true }),
    numHeads: 1,
    keyDim: 2,
    ...identity,
  });
  const [q, low] = [tf.zeros([1, 3, 2]), tf.fill([1, 3, 1], -200)];
  layer.apply(q);
  // exp(-200) is 0 in float32.
  const y = layer.apply([q, tf.concat([low, low], 2), tf.tensor2d([[1, 1, 0]])]) as tf.Tensor;
  expect((await numbers(y)).some((v) => v === Number.NEGATIVE_INFINITY || Number.isNaN(v))).toBe(true);
  const none = layer.apply([q, q, tf.tensor2d([[0, 0, 0]])]) as tf.Tensor;
  expect(await numbers(none)).toEqual(Array(6).fill(0));
  const causal = new MultiHeadAttention({
    mechanism: logsumexp({ logValues: true }),
    numHeads: 1,
    keyDim: 2,
    useCausalMask: true,
    ...identity,
  });
  const rows = (await (
    causal.apply(tf.ones([1, 3, 2]), { mask: tf.tensor2d([[0, 1, 1]]) }) as tf.Tensor
  ).array()) as number[][][];
  expect(rows[0]![0]).toEqual([0, 0]);
  expect(rows[0]![1]![0]).toBeCloseTo(1, 5);
});

test("a model that diverged shows it in its loss", async () => {
  await tf.setBackend("cpu");
  const tokens = tfl.input({ shape: [4], dtype: "int32" });
  const embedded = tfl.layers
    .embedding({ inputDim: 9, outputDim: D, maskZero: true })
    .apply(tokens) as tfl.SymbolicTensor;
  const layer = new MultiHeadAttention({ mechanism: "softmax", numHeads: 2, keyDim: 3 });
  const model = tfl.model({ inputs: tokens, outputs: layer.apply(embedded) as tfl.SymbolicTensor });
  model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  const data = [tf.tensor2d([[3, 5, 7, 0]], undefined, "int32"), tf.ones([1, 4, D])] as const;
  const loss = async () => (await numbers(model.evaluate(...data, { verbose: 0 }) as tf.Scalar))[0];
  expect(Number.isFinite(await loss())).toBe(true);
  spoil(layer, 4);
  expect(await loss()).toBeNaN();
});
