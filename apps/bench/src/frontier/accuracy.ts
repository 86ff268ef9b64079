import { attention, type Backend, type Data, type DType, isAttentionError } from "@attnkit/core";
import { oracle } from "@attnkit/core/conformance";
import { checkPrefill } from "@attnkit/measure/check";
import { type Choice, make } from "@attnkit/measure/choice";
import type { CheckResult } from "@attnkit/measure/results";
import { part, rounded, type Sequence } from "@attnkit/measure/sequence";
import { release, type Subject } from "@attnkit/measure/subject";
import { prefill } from "@attnkit/measure/time";
import { oneLine } from "../io.ts";
import { meanCosine, relativeDistance } from "./distance.ts";
import { productError, statisticsOf, type WeightStatistics, weightsOf } from "./weights.ts";

/** How far W v may be from y, relative, and a row sum from 1, where weights are read from a backend of this type. */
export const TOLERANCE: Readonly<Record<DType, number>> = { float16: 5e-2, float32: 1e-3, float64: 1e-6 };

/** The rows of an output that are compared with the reference: each costs one pass over its keys. */
const ROWS = 16;

/** An output of the first `length` tokens, `[B, Hq, length, dv]`, and its check against the mechanism's reference. */
export interface Output {
  readonly y: Data;
  readonly check: CheckResult;
}

export async function outputOf(s: Subject, length: number): Promise<Output> {
  const timed = prefill(s, length);
  try {
    const y = await timed.once();
    const check = await checkPrefill(s, length, y);
    const data = await s.backend.download(y);
    release(s, [y]);
    return { y: data, check };
  } finally {
    timed.dispose();
  }
}

/** How close an output is to softmax's and to the mechanism's own definition. */
export interface Accuracy {
  /** `||y - softmax|| / ||softmax||` (Frobenius) over all rows. */
  readonly distance: number;
  /** The mean over rows of the cosine between y and softmax's output. */
  readonly cosine: number;
  /** The relative Frobenius distance of sampled rows to the mechanism's float64 reference. */
  readonly error: number;
}

/** Compares an output with softmax's of the same tokens and with the mechanism's reference. */
export function accuracyOf(s: Subject, length: number, y: Data, softmax: Data): Accuracy {
  const { dv } = s.sequence;
  return {
    distance: relativeDistance(y, softmax),
    cosine: meanCosine(y, softmax, dv),
    error: referenceError(s, length, y),
  };
}

function referenceError(s: Subject, length: number, y: Data): number {
  const { B, Hq, dv } = s.sequence;
  const rows = [...new Set(Array.from({ length: ROWS }, (_, i) => Math.round((i * (length - 1)) / (ROWS - 1))))];
  const { q, k, v } = part(s.sequence, 0, length);
  const [hq, hk, hv] = [q, k, v].map(({ data, shape }) => ({ shape, data: Float64Array.from(data) }));
  const truth = oracle(s.reference, { block: { q: hq!, k: hk!, v: hv! }, causal: true, rows }).y.data;
  const own = Float64Array.from({ length: B * Hq * rows.length * dv }, (_, n) => {
    const [head, row] = [Math.floor(n / (dv * rows.length)), rows[Math.floor(n / dv) % rows.length]!];
    return y[(head * length + row) * dv + (n % dv)]!;
  });
  return relativeDistance(own, truth);
}

/** Entropy and norm of causal weights, or the reason why there are none. */
export type Weighting = WeightStatistics | { readonly none: string };

/** Reads the causal weights of the first `tokens` tokens. A mechanism that refuses the call has none, for its reason. */
export async function weighting(
  choice: Choice,
  host: Backend<unknown>,
  sequence: Sequence,
  tokens: number,
): Promise<Weighting> {
  const attend = attention(await make(choice, host), host, { causal: true });
  const block = part(rounded(sequence, host.dtype), 0, tokens);
  const call = async (of: typeof block) => {
    const up = (x: (typeof block)["q"]) => host.upload(x.data, x.shape);
    const inputs = { q: up(of.q), k: up(of.k), v: up(of.v) };
    const { y, state } = await attend(inputs);
    const data = await host.download(y);
    for (const x of new Set([...Object.values(inputs), y, ...Object.values(state)])) host.free(x);
    return data;
  };
  try {
    const weights = await weightsOf(call as Parameters<typeof weightsOf>[0], block, perChannel(choice));
    const off = productError(weights, block, await call(block));
    if (!(off <= TOLERANCE[host.dtype])) return { none: notWeights(off) };
    return statisticsOf(weights, TOLERANCE[host.dtype]);
  } catch (error) {
    if (isAttentionError(error)) return { none: oneLine(error.message) };
    throw error;
  }
}

export const perChannel = ({ entry }: Choice): boolean => entry.picture.perChannel === true;

export const notWeights = (off: number): string =>
  `its output is no weighted sum of the values: weights are its output for v = identity, and with them W v differs from y by ${off.toExponential(1)} of y's norm`;
