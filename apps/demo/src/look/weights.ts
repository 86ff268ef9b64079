/** Attention weights: over values that are the unit vectors, a mechanism's output is its weights. */
import { attention, type Mechanism } from "@attnkit/core";
import type { Head, Matrix, Reference } from "@attnkit/core/program";
import { cpu } from "@attnkit/cpu";

/** `[rows][keys]`, row-major; `NaN` where the row may not see the key. */
export interface Weights {
  readonly rows: number;
  readonly keys: number;
  readonly data: Float64Array;
}

export interface Pairs {
  /** `[rows][d]` and `[keys][d]`. */
  readonly q: Matrix;
  readonly k: Matrix;
  readonly causal: boolean;
  /** For a mechanism that weights every channel by itself: which one. */
  readonly channel?: number | undefined;
}

const host = cpu({ dtype: "float64" });

/**
 * The matrix W for which `y = W v`, by one call of the mechanism's program in float64. A mechanism of one weight per
 * channel takes v with the channels of q and k, so there the one channel is repeated as often as there are keys.
 */
export function programWeights(mechanism: Mechanism, pairs: Pairs): Weights {
  const { q, k, v } = overUnits(pairs);
  const upload = (x: Matrix) => host.upload(Float64Array.from(x.flat()), [1, x.length, x[0]?.length ?? 0]);
  const { y } = attention(mechanism, host, { causal: pairs.causal }).sync({ q: upload(q), k: upload(k), v: upload(v) });
  return hidden(pairs, Float64Array.from(y.data));
}

/**
 * The same by the mechanism's float64 reference, which shares no code with the program and takes n times as long: it
 * sums over the keys once per column.
 */
export function weightsOf(reference: Reference, pairs: Pairs): Weights {
  const { q, k, v } = overUnits(pairs);
  const { y } = reference(head(q, k, v, pairs.causal));
  return hidden(pairs, Float64Array.from(y.flat()));
}

function overUnits({ q, k, channel }: Pairs): { readonly [name in "q" | "k" | "v"]: Matrix } {
  const repeat = (x: Matrix) => (channel === undefined ? x : x.map((row) => k.map(() => row[channel]!)));
  return { q: repeat(q), k: repeat(k), v: k.map((_, j) => k.map((_, f) => (f === j ? 1 : 0))) };
}

function hidden({ q, k, causal }: Pairs, y: Float64Array): Weights {
  const data = new Float64Array(q.length * k.length);
  for (const [n, w] of y.entries()) {
    data[n] = causal && n % k.length > Math.floor(n / k.length) ? Number.NaN : w;
  }
  return { rows: q.length, keys: k.length, data };
}

export const head = (q: Matrix, k: Matrix, v: Matrix, causal: boolean): Head => ({
  ...{ q, k, v },
  visible: (i, j) => !causal || j <= i,
  bias: () => 0,
  position: (i) => i,
});

/** Weights of row `i` over the keys that it sees. */
export function rowOf({ keys, data }: Weights, i: number): number[] {
  return [...data.subarray(i * keys, (i + 1) * keys)].filter((w) => !Number.isNaN(w));
}

/** Root of the sum of squares. */
export const frobenius = ({ data }: Weights): number =>
  Math.sqrt(data.reduce((sum, w) => sum + (Number.isNaN(w) ? 0 : w * w), 0));

/** `-sum p ln p` of the sizes of the weights, divided by their sum: 0 for one key alone, `ln n` for n keys alike. */
export function entropy(weights: readonly number[]): number {
  const total = weights.reduce((sum, w) => sum + Math.abs(w), 0);
  if (total === 0) return 0;
  return weights.reduce((sum, w) => {
    const p = Math.abs(w) / total;
    return p > 0 ? sum - p * Math.log(p) : sum;
  }, 0);
}

/** `sum_j W[i, j] v[j, c]`. */
export function apply({ rows, keys, data }: Weights, v: Matrix, c: number): number[] {
  return Array.from({ length: rows }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < keys; j++) {
      const w = data[i * keys + j]!;
      if (!Number.isNaN(w)) sum += w * v[j]![c]!;
    }
    return sum;
  });
}
