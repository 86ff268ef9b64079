import { cpu } from "@attnkit/cpu";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";

/** Heads, tokens and channels of the comparison. */
export const SIZES = { H: 4, L: 512, d: 64 };

/** Causal softmax attention out of single operations, `[H, L, d]`, the same on both sides; inputs are made beforehand. */
export interface Side {
  readonly name: string;
  run(): Float32Array;
}

export function sides({ H, L, d } = SIZES): { ours: Side; theirs: Side } {
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

/** Medians over `rounds`: milliseconds of both sides, and how many times `a` is faster within one round. */
export function measure(a: Side, b: Side, rounds: number): { a: number; b: number; times: number } {
  const time = (side: Side) => {
    const start = performance.now();
    side.run();
    return performance.now() - start;
  };
  // In turns, and compared turn by turn, so that a slow moment of the machine hits both.
  const turns = Array.from({ length: rounds }, () => ({ a: time(a), b: time(b) }));
  const median = (x: number[]) => x.sort((p, q) => p - q)[x.length >> 1]!;
  return {
    a: median(turns.map((t) => t.a)),
    b: median(turns.map((t) => t.b)),
    times: median(turns.map((t) => t.b / t.a)),
  };
}
