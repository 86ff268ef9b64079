/** The layer against projections and references in float64, called directly, on the tfjs backends that Node has. */
import { isAttentionError } from "@attnkit/core";
import { linear } from "@attnkit/linear";
import { scores, softmax } from "@attnkit/softmax";
import { attentionLayers } from "@attnkit/tfjs/layers";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import { mechanisms } from "@attnkit/catalog";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { describe, expect, test } from "vitest";
import { expected, given, kit, numbers, wave, worst } from "./oracle.ts";

const { MultiHeadAttention, PaddingMask } = kit;
const [B, L, S, D] = [2, 7, 5, 6];
const bias = { biasInitializer: tfl.initializers.randomUniform({ minval: -0.3, maxval: 0.3, seed: 5 }) };
const variants = mechanisms.flatMap((entry) => entry.variants.map((options) => ({ ...entry, options })));
const code = (code: string) => expect.objectContaining({ name: "AttentionError", code });
const tensor = (x: number[][][]) => tf.tensor3d(x);
const absent = (b: number, j: number) => (b === 0 ? j === 1 || j === 4 : j === 0);
const keyMask = (n: number) => tf.tensor2d([0, 1].map((b) => [...Array(n).keys()].map((j) => +!absent(b, j))));

describe.each(["cpu", "wasm"])("on tfjs-%s", (backend) => {
  const start = () => tf.setBackend(backend);

  test.each(variants)("$name $options: self-attention, causal, grouped heads, a key mask", async (entry) => {
    await start();
    const sizes = { numHeads: 4, numKvHeads: 2, keyDim: 3 };
    const layer = new MultiHeadAttention({
      ...{ ...sizes, ...bias, mechanism: entry.name, mechanismOptions: entry.options, useCausalMask: true },
    });
    const x = wave(B, L, D, 0.1);
    const y = layer.apply(tensor(x), { mask: keyMask(L) }) as tf.Tensor;
    const want = await expected({
      ...{ ...sizes, reference: entry.reference(entry.options), weights: layer.getWeights() },
      ...{ query: x, value: x, key: x, visible: (b, i, j) => j <= i && !absent(b, j) },
    });
    expect(y.shape).toEqual([B, L, D]);
    expect(worst(await numbers(y), want)).toBeLessThan(3e-5);
    layer.dispose();
  });

  test("cross-attention: other channels and lengths, value and key apart, another output, no bias", async () => {
    await start();
    const sizes = { numHeads: 2, numKvHeads: 2, keyDim: 4 };
    const args = { ...sizes, valueDim: 3, outputShape: 9, mechanism: "softmax" };
    const layer = new MultiHeadAttention({ ...args, ...bias });
    const [query, value, key] = [wave(B, L, D, 1), wave(B, S, 8, 2), wave(B, S, 5, 3)];
    const inputs = [tensor(query), tensor(value), tensor(key)];
    const visible = (b: number, _: number, j: number) => !absent(b, j);
    const problem = { ...sizes, reference: mechanisms[0]!.reference(), query, value, key, visible };
    const y = layer.apply([...inputs, keyMask(S)]) as tf.Tensor;
    expect(y.shape).toEqual([B, L, 9]);
    const want = await expected({ ...problem, weights: layer.getWeights() });
    expect(worst(await numbers(y), want)).toBeLessThan(1e-5);
    // The same mask as tf.layers would hand it over where it knows one of each input.
    const again = layer.apply(inputs, { mask: [null, keyMask(S), null] }) as tf.Tensor;
    expect(await numbers(again)).toEqual(await numbers(y));
    expect(await numbers(layer.apply(inputs, { mask: [keyMask(L), null, null] }) as tf.Tensor)).not.toEqual(
      await numbers(y),
    );
    const bare = new MultiHeadAttention({ ...args, useBias: false });
    bare.apply(inputs);
    expect(bare.getWeights().map((w) => w.shape)).toEqual([
      [D, 8],
      [5, 8],
      [8, 6],
      [6, 9],
    ]);
  });

  test.each(variants)(
    "$name $options: a row that sees nothing is 0 before the projection, and its gradient is finite",
    async (entry) => {
      await start();
      const layer = new MultiHeadAttention({
        numHeads: 2,
        keyDim: 3,
        mechanism: entry.create(entry.options),
        useBias: false,
      });
      const x = tensor(wave(B, L, D, 0.5));
      const nothing = tf.tensor2d([Array(L).fill(0), Array(L).fill(1)]);
      const y = layer.apply(x, { mask: nothing }) as tf.Tensor;
      const values = await numbers(y);
      expect(values.slice(0, L * D).every((v) => v === 0)).toBe(true);
      expect(values.slice(L * D).some((v) => v !== 0)).toBe(true);
      const dx = tf.grad((x: tf.Tensor) => tf.sum(layer.apply(x, { mask: nothing }) as tf.Tensor))(x);
      expect((await numbers(dx)).every(Number.isFinite)).toBe(true);
    },
  );

  test("attention masks where the mechanism takes them, with the key mask", async () => {
    await start();
    const sizes = { numHeads: 2, numKvHeads: 2, keyDim: 3 };
    const layer = new MultiHeadAttention({ ...sizes, ...bias, mechanism: "softmax" });
    const x = wave(B, L, D, 0.3);
    const band = (i: number, j: number) => Math.abs(i - j) < 3;
    const mask = tf.tensor4d([[[...Array(L).keys()].map((i) => [...Array(L).keys()].map((j) => +band(i, j)))]]);
    const t = tensor(x);
    const y = layer.apply([t, mask], { mask: keyMask(L) }) as tf.Tensor;
    const visible = (b: number, i: number, j: number) => band(i, j) && !absent(b, j);
    const problem = { ...sizes, reference: mechanisms[0]!.reference(), query: x, value: x, key: x, visible };
    expect(worst(await numbers(y), await expected({ ...problem, weights: layer.getWeights() }))).toBeLessThan(1e-5);
    const other = new MultiHeadAttention({ ...sizes, mechanism: "linear" });
    expect(() => other.apply([t, mask])).toThrow(code("ATTN_UNSUPPORTED"));
  });

  test("returnAttentionScores: rows of weights that make the output; dropout thins them out and keeps the mean", async () => {
    await start();
    const { MultiHeadAttention } = attentionLayers(given(scores));
    const make = (more: object) =>
      new MultiHeadAttention({ numHeads: 4, numKvHeads: 2, keyDim: 3, mechanism: softmax({ scale: 0.4 }), ...more });
    const [plain, shown] = [make({}), make({ returnAttentionScores: true })];
    const x = tensor(wave(B, L, D, 0.2));
    const y = plain.apply(x, { mask: keyMask(L) }) as tf.Tensor;
    shown.build([x.shape]);
    shown.setWeights(plain.getWeights());
    const [same, weights] = shown.apply(x, { mask: keyMask(L) }) as [tf.Tensor, tf.Tensor];
    expect(worst(await numbers(same), await numbers(y))).toBeLessThan(1e-6);
    expect(weights.shape).toEqual([B, 4, L, L]);
    expect((await numbers(tf.sum(weights, -1))).every((sum) => Math.abs(sum - 1) < 1e-5)).toBe(true);
    expect((await numbers(tf.slice(weights, [0, 0, 0, 1], [1, 4, L, 1]))).every((w) => w === 0)).toBe(true);

    const broken = tf.tensor3d(
      wave(B, L, D, 0.2).map((rows, b) => rows.map((r, j) => (absent(b, j) ? r.map(() => Number.NaN) : r))),
    );
    for (const layer of [plain, shown]) {
      const [out] = [layer.apply(broken, { mask: keyMask(L) })].flat() as [tf.Tensor];
      const rows = (await out.array()) as number[][][];
      rows.forEach((row, b) => {
        row.forEach((y, i) => {
          if (!absent(b, i)) expect(y.every(Number.isFinite)).toBe(true);
        });
      });
    }

    const thin = make({ returnAttentionScores: true, dropout: 0.5, useBias: false });
    const many = tf.ones([64, 16, D]);
    const [still] = thin.apply(many, { training: false }) as [tf.Tensor];
    const [noisy, before] = thin.apply(many, { training: true }) as [tf.Tensor, tf.Tensor];
    expect((await numbers(before)).every((w) => Math.abs(w - 1 / 16) < 1e-6)).toBe(true);
    const deviation = tf.sub(noisy, still);
    expect((await numbers(tf.max(tf.abs(deviation))))[0]).toBeGreaterThan(0.01);
    // 64 * 16 rows, each a mean over 16 keys kept or not: the mean of all is within 6 of its standard deviations.
    const ratio = (await numbers(tf.div(tf.mean(noisy, [0, 1]), tf.mean(still, [0, 1])))).map((r) => Math.abs(r - 1));
    const size = (await numbers(tf.abs(tf.mean(still, [0, 1])))).map((s) => s);
    ratio.forEach((r, i) => {
      expect(r * size[i]!).toBeLessThan((6 / Math.sqrt(64 * 16 * 16)) * 3);
    });
  });
});

test("dropoutOn output needs no weights, is off outside training and scales what stays", async () => {
  await tf.setBackend("cpu");
  const identity = { kernelInitializer: "identity" as const, useBias: false };
  const args = { numHeads: 1, keyDim: D, mechanism: linear(), dropout: 0.25, dropoutOn: "output" as const };
  const layer = new MultiHeadAttention({ ...args, ...identity });
  const ones = tf.ones([32, 32, D]);
  expect(worst(await numbers(layer.apply(ones) as tf.Tensor), Array(32 * 32 * D).fill(1))).toBeLessThan(1e-6);
  const y = await numbers(layer.apply(ones, { training: true }) as tf.Tensor);
  expect(y.every((v) => v === 0 || Math.abs(v - 4 / 3) < 1e-5)).toBe(true);
  const kept = y.filter((v) => v !== 0).length / y.length;
  expect(Math.abs(kept - 0.75)).toBeLessThan(6 * Math.sqrt((0.25 * 0.75) / y.length));
});

test("a seed draws other numbers for each projection, the same in each layer", async () => {
  const seeded = () => {
    const kernelInitializer = tfl.initializers.glorotUniform({ seed: 3 });
    const layer = new MultiHeadAttention({
      numHeads: 2,
      keyDim: 3,
      mechanism: "linear",
      useBias: false,
      kernelInitializer,
    });
    layer.apply(tf.ones([1, 2, D]));
    return Promise.all(layer.getWeights().map(numbers));
  };
  const [a, b] = [await seeded(), await seeded()];
  expect(a).toEqual(b);
  expect(new Set(a.map(String)).size).toBe(4);
});

test("padding as a mask", async () => {
  const tokens = tf.tensor2d([[3, 0, 7]], [1, 3], "int32");
  expect(await numbers(new PaddingMask().apply(tokens) as tf.Tensor)).toEqual([1, 0, 1]);
  expect(await numbers(new PaddingMask({ padding: 7 }).apply(tokens) as tf.Tensor)).toEqual([1, 1, 0]);
});

describe("errors are typed", () => {
  const good = { numHeads: 4, keyDim: 3, mechanism: "softmax" };
  test.each([
    ["ATTN_OPTION", { numHeads: 0 }],
    ["ATTN_OPTION", { keyDim: 1.5 }],
    ["ATTN_OPTION", { numKvHeads: 3 }],
    ["ATTN_OPTION", { dropout: 1 }],
    ["ATTN_OPTION", { dropoutOn: "keys" }],
    ["ATTN_OPTION", { kernels: "maybe" }],
    ["ATTN_OPTION", { useBias: 1 }],
    ["ATTN_OPTION", { mechanism: "none" }],
    ["ATTN_OPTION", { mechanism: "toString" }],
    ["ATTN_OPTION", { mechanism: {} }],
    ["ATTN_OPTION", { mechanism: softmax(), mechanismOptions: { scale: 1 } }],
    ["ATTN_OPTION", { mechanismOptions: { scala: 1 } }],
    ["ATTN_OPTION", { num_heads: 4 }],
    ["ATTN_UNSUPPORTED", { returnAttentionScores: true }],
    ["ATTN_UNSUPPORTED", { dropout: 0.1 }],
  ])("%s for %o", (expectedCode, wrong) => {
    expect(() => new MultiHeadAttention({ ...good, ...wrong } as never)).toThrow(code(expectedCode));
  });

  test("of the shapes of a call", () => {
    const layer = new MultiHeadAttention(good);
    const x = tf.ones([B, L, D]);
    const calls = [() => layer.apply(tf.ones([L, D])), () => layer.apply([x, tf.ones([S])])];
    for (const call of [...calls, () => layer.apply([x, x, x, x, x]), () => layer.apply(x, { mask: tf.ones([B, S]) })])
      expect(call).toThrow(code("ATTN_SHAPE"));
    expect(isAttentionError(new Error())).toBe(false);
  });
});
