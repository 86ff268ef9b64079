import { normals, uniforms } from "@attnkit/measure/random";
import type { Batch } from "@attnkit/train";

/** Channels of keys and queries, channels of values, and queries per sequence. */
export const RECALL = { d: 16, dv: 8, queries: 4 };

/** Keys and values are drawn from this many vectors, which a seed makes. */
const POOL = 8192;

/**
 * Makes sequences of n pairs: keys uniform on the sphere of radius sqrt(16) in R^16, values standard normal in R^8. Each
 * sequence has 4 queries, which are copies of keys; the target of a query is the value of its key.
 */
export function recallBatches(n: number, seed: number): (sequences: number) => Batch {
  const { d, dv, queries } = RECALL;
  const normal = normals(seed);
  const keys = onSphere(Float32Array.from({ length: POOL * d }, normal), d);
  const values = Float32Array.from({ length: POOL * dv }, normal);
  const uniform = uniforms(seed + 1);
  const below = (count: number) => Math.floor(uniform() * count);
  return (sequences) => {
    const k = new Float32Array(sequences * n * d);
    const v = new Float32Array(sequences * n * dv);
    const q = new Float32Array(sequences * queries * d);
    const target = new Float32Array(sequences * queries * dv);
    for (let s = 0; s < sequences; s++) {
      const first = below(POOL); // n different keys: steps of an odd number through a power of two
      const step = 2 * below(POOL / 2) + 1;
      for (let j = 0; j < n; j++) {
        const [key, value] = [(first + j * step) % POOL, below(POOL)];
        k.set(keys.subarray(key * d, (key + 1) * d), (s * n + j) * d);
        v.set(values.subarray(value * dv, (value + 1) * dv), (s * n + j) * dv);
      }
      for (let i = 0; i < queries; i++) {
        const pair = s * n + below(n);
        q.set(k.subarray(pair * d, (pair + 1) * d), (s * queries + i) * d);
        target.set(v.subarray(pair * dv, (pair + 1) * dv), (s * queries + i) * dv);
      }
    }
    return {
      q: { data: q, shape: [sequences, queries, d] },
      k: { data: k, shape: [sequences, n, d] },
      v: { data: v, shape: [sequences, n, dv] },
      target: { data: target, shape: [sequences, queries, dv] },
    };
  };
}

/** Scales each row of d normal numbers to the length sqrt(d). */
function onSphere(x: Float32Array, d: number): Float32Array {
  for (let at = 0; at < x.length; at += d) {
    const row = x.subarray(at, at + d);
    const factor = Math.sqrt(d / row.reduce((sum, y) => sum + y * y, 0));
    for (let c = 0; c < d; c++) row[c]! *= factor;
  }
  return x;
}
