import { attention, type Mechanism } from "@attnkit/core";
import { type CpuBackend, cpu } from "@attnkit/cpu";
import type { Matrix } from "./datasets.ts";

const backend: CpuBackend<"float64"> = cpu({ dtype: "float64" });

/** One attention layer: softmax units or linear units. */
export interface Units {
  readonly mechanism: Mechanism;
  /** True if the mechanism does not normalise: its outputs are then divided by the sums of its own weights. */
  readonly divide?: boolean;
}

export interface Attended {
  /** `D^-1 u(A1 X A2^T) A2`, `[L, d]`. */
  readonly mixed: Matrix;
  /** The weight that each query gives to the marked key, `[L]`. */
  readonly onMarked: Float64Array;
}

/**
 * Runs the attention layer with the weights X = all ones and Y = identity, on queries `[L, d]` and on
 * keys that are also the values, `[n, d]`. Two more channels of v, one 1 at the marked key and one 1 at every key, read
 * the weight of the marked key and the sum of all weights.
 *
 * @throws Error if the weights of a mechanism that normalises do not add up to 1: it is not the mechanism of the claim.
 */
export function attend({ mechanism, divide = false }: Units, queries: Matrix, keys: Matrix, marked: number): Attended {
  const [L, n, d] = [queries.rows, keys.rows, keys.columns];
  const v = new Float64Array(n * (d + 2));
  for (let j = 0; j < n; j++) {
    v.set(keys.data.subarray(j * d, (j + 1) * d), j * (d + 2));
    v[j * (d + 2) + d] = j === marked ? 1 : 0;
    v[j * (d + 2) + d + 1] = 1;
  }
  const { y } = attention(mechanism, backend).sync({
    q: backend.upload(timesOnes(queries), [1, 1, L, d]),
    k: backend.upload(keys.data, [1, 1, n, d]),
    v: backend.upload(v, [1, 1, n, d + 2]),
  });
  const out = y.data as Float64Array;
  const mixed = new Float64Array(L * d);
  const onMarked = new Float64Array(L);
  for (let i = 0; i < L; i++) {
    const row = out.subarray(i * (d + 2), (i + 1) * (d + 2));
    const sum = row[d + 1]!;
    if (!divide && !(Math.abs(sum - 1) < 1e-9))
      throw new Error(`${mechanism.name}: the weights of row ${i} add up to ${sum}; a normalised mechanism gives 1`);
    const by = divide ? sum : 1;
    for (let c = 0; c < d; c++) mixed[i * d + c] = row[c]! / by;
    onMarked[i] = row[d]! / by;
  }
  return { mixed: { rows: L, columns: d, data: mixed }, onMarked };
}

/** Multiplies by the d x d matrix of ones: every channel becomes the sum of the row. */
function timesOnes({ rows, columns, data }: Matrix): Float64Array {
  const out = new Float64Array(data.length);
  for (let i = 0; i < rows; i++) {
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += data[i * columns + c]!;
    out.fill(sum, i * columns, (i + 1) * columns);
  }
  return out;
}

/** The random layer of `trials` networks: m vectors of d signs for each of them. */
export interface Signs {
  readonly trials: number;
  readonly m: number;
  /** `[d, trials * m]` of -1 and 1. */
  readonly data: Float64Array;
}

export function randomSigns(trials: number, m: number, d: number, uniform: () => number): Signs {
  return { trials, m, data: Float64Array.from({ length: d * trials * m }, () => (uniform() < 0.5 ? -1 : 1)) };
}

/**
 * Returns for each network if its output is above 0: the output is the sum over rows i and vectors y of
 * `<mixed_i, y>` where this is above the threshold, and of 0 elsewhere.
 */
export function fires(mixed: Matrix, signs: Signs, threshold: number): readonly boolean[] {
  const { ops } = backend;
  const columns = signs.trials * signs.m;
  const products = ops.matmul(
    backend.upload(mixed.data, [mixed.rows, mixed.columns]),
    backend.upload(signs.data, [mixed.columns, columns]),
  );
  const data = products.data as Float64Array;
  const fired = Array<boolean>(signs.trials).fill(false);
  for (let i = 0; i < mixed.rows; i++)
    for (let c = 0; c < columns; c++) if (data[i * columns + c]! > threshold) fired[Math.floor(c / signs.m)] = true;
  return fired;
}
