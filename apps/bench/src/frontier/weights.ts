import type { Data, Shape } from "@attnkit/core";
import { sizeOf } from "@attnkit/measure/tensor";
import type { HostBlock, HostTensor } from "../input/tensors.ts";
import { relativeDistance } from "./distance.ts";

/** Runs a mechanism on one block without state and returns y. */
export type Call = (block: HostBlock) => Promise<Data>;

/** The weights of a block: for every head one matrix of `rows` queries and `keys` keys, row-major. */
export interface Weights {
  /** `[B, Hq, L, T]`, or `[B, Hq, d, L, T]` where every channel has weights of its own; leading axes as in q. */
  readonly shape: Shape;
  readonly data: Float32Array | Float64Array;
}

/** The numbers that {@link weightsOf} may have to hold at once: 64 MiB in float32. */
export const MOST_WEIGHTS: number = 2 ** 24;

/**
 * Returns the size of the largest tensor that the weights of a block take: the weights, or the identity that they are
 * obtained with.
 */
export function weightCount({ q, k }: HostBlock, perChannel: boolean): number {
  const [L, S] = [q.shape.at(-2)!, k.shape.at(-2)!];
  return sizeOf(q.shape.slice(0, -2)) * (perChannel ? q.shape.at(-1)! : 1) * Math.max(L, S) * S;
}

/**
 * Returns the weights W of a mechanism whose output is `y = W v`, by a call with v = identity: row i of y is then row i of
 * W. Masks and bias of the block stay.
 *
 * @param perChannel - Every channel of v has weights of its own, which depend on that channel of q and k alone. There is one
 * call per channel, in which all channels of q and k are copies of it.
 */
export async function weightsOf(call: Call, block: HostBlock, perChannel: boolean): Promise<Weights> {
  const { q, k, v } = block;
  const [L, S, d] = [q.shape.at(-2)!, k.shape.at(-2)!, q.shape.at(-1)!];
  const lead = q.shape.slice(0, -2);
  const unit = { data: identities(sizeOf(v.shape.slice(0, -2)), S), shape: [...v.shape.slice(0, -2), S, S] };
  const ofUnit = async (of: HostBlock) => floatsOf(await call({ ...of, v: unit }));
  if (!perChannel) return { shape: [...lead, L, S], data: await ofUnit(block) };
  const heads = sizeOf(lead);
  let data: Weights["data"] | undefined;
  for (let c = 0; c < d; c++) {
    const y = await ofUnit({ ...block, q: copies(q, c, S), k: copies(k, c, S) });
    data ??= new (y.constructor as Float64ArrayConstructor)(heads * d * L * S);
    for (let h = 0; h < heads; h++) data.set(y.subarray(h * L * S, (h + 1) * L * S), (h * d + c) * L * S);
  }
  return { shape: [...lead, d, L, S], data: data! };
}

/**
 * Returns the relative Frobenius distance between `W v` and the output y of the same block. It is not small for a
 * mechanism whose output is no weighted sum of the values: such a mechanism has no weights.
 */
export function productError({ data, shape }: Weights, { q, v }: HostBlock, y: Data): number {
  const [L, S] = [shape.at(-2)!, shape.at(-1)!];
  const dv = v.shape.at(-1)!;
  const d = shape.length > q.shape.length ? shape.at(-3)! : 1;
  const [Hq, Hkv] = [q.shape.at(-3) ?? 1, v.shape.at(-3) ?? 1];
  const product = Float64Array.from({ length: y.length }, (_, n) => {
    const [c, i, g] = [n % dv, Math.floor(n / dv) % L, Math.floor(n / (dv * L))];
    const row = ((g * d + (d > 1 ? c : 0)) * L + i) * S;
    const values = Math.floor(g / Hq) * Hkv + Math.floor((g % Hq) / (Hq / Hkv));
    let sum = 0;
    for (let j = 0; j < S; j++) {
      const w = data[row + j]!;
      // The values of a key that a mask hides may be anything.
      if (w !== 0) sum += w * v.data[(values * S + j) * dv + c]!;
    }
    return sum;
  });
  return relativeDistance(product, y);
}

export interface WeightStatistics {
  /**
   * `-sum_j w_j ln w_j` in nats, the mean over all rows that see a key; null where a row is no probability distribution.
   * It is 0 where each query picks one key, and `ln n` where n keys have equal weights.
   */
  readonly entropy: number | null;
  /** The Frobenius norm of the L x T weights, the mean over heads, and over channels that have weights of their own. */
  readonly norm: number;
}

/** Returns entropy and norm of weights. Row sums may differ from 1 by `tolerance`, and weights be as far below 0. */
export function statisticsOf({ data, shape }: Weights, tolerance: number): WeightStatistics {
  const [L, S] = [shape.at(-2)!, shape.at(-1)!];
  const matrices = sizeOf(shape.slice(0, -2));
  let [entropy, rows, norms, distributions] = [0, 0, 0, true];
  for (let m = 0; m < matrices; m++) {
    let squares = 0;
    for (let i = 0; i < L; i++) {
      let [sum, least, own] = [0, 0, 0];
      let seen = false;
      for (let j = 0; j < S; j++) {
        const w = data[(m * L + i) * S + j]!;
        seen ||= w !== 0;
        sum += w;
        squares += w * w;
        least = Math.min(least, w);
        if (w > 0) own -= w * Math.log(w);
      }
      if (!seen) continue;
      distributions &&= Math.abs(sum - 1) <= tolerance && least >= -tolerance;
      entropy += own;
      rows++;
    }
    norms += Math.sqrt(squares);
  }
  return { entropy: distributions && rows > 0 ? entropy / rows : null, norm: norms / matrices };
}

function identities(count: number, size: number): Float32Array {
  const data = new Float32Array(count * size * size);
  for (let n = 0; n < count; n++) for (let i = 0; i < size; i++) data[(n * size + i) * size + i] = 1;
  return data;
}

/** Returns a tensor of `width` channels, all of them copies of channel c. */
function copies({ data, shape }: HostTensor, c: number, width: number): HostTensor {
  const d = shape.at(-1)!;
  const out = new (floatsOf(data).constructor as Float64ArrayConstructor)((data.length / d) * width);
  for (let t = 0; t < data.length / d; t++) out.fill(data[t * d + c]!, t * width, (t + 1) * width);
  return { data: out, shape: shape.with(-1, width) };
}

function floatsOf(data: Data): Float32Array | Float64Array {
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  throw new Error("expected floats, got booleans");
}
