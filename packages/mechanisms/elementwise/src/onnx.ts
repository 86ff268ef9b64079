import type { Block, Mechanism, Result } from "@attnkit/core";
import {
  blockShape,
  type Call,
  clip,
  type Dim,
  divideOrZero,
  EMPTY_EXPONENT,
  exclusivePrefix,
  headGroupSize,
  knownAxisSize,
  logOrMinusInfinity,
  minusDim,
  type Ops,
  pad,
  partsOf,
  presentKeys,
  type Rescaled,
  replaceAbsent,
  requireKnown,
  rescaledScan,
  scanGranularity,
  scanTotal,
  timesDim,
} from "@attnkit/core/program";
import { type Fused, type Nodes, type Value, withFused } from "@attnkit/onnx";
import { type ElementwiseOptions, elementwiseOptions, elementwise as portable } from "./index.ts";
import { seriesLimit } from "./terms.ts";

export type { ElementwiseOptions } from "./index.ts";

/** Tokens of a chunk: each is one step, which all chunks take together. */
const CHUNK = 16;

/**
 * Element-wise attention arranged for ONNX Runtime's CPU providers: causal prefill of the series form in 16 steps over all
 * chunks at once, so that every state is made and read once and the innermost axis is that of the channels. Throws what
 * `elementwise` throws.
 */
export function elementwise(options: ElementwiseOptions = {}): Mechanism<"elementwise"> {
  const { order } = elementwiseOptions.resolve(options);
  return order === "exact" ? portable(options) : withFused(portable(options), steps(order));
}

const steps = (order: number): Fused => ({
  name: "elementwise-steps",
  providers: ["cpu", "wasm"],
  accepts,
  granularity: ({ dims: { L } }) => scanGranularity(L, CHUNK),
  forward(o, block, { lse, state }) {
    const result = forward(o, block, order, lse);
    return state === false ? { ...result, state: {} } : result;
  },
});

function accepts({ causal, dims: { B, Hq, L, S } }: Call): true | string {
  if (B * Hq === 0) return "an axis of size 0";
  if (!causal) return "not causal: the portable program is as short";
  if (L !== S) return `causal with ${L} queries and ${S} keys`;
  if (L < 2 * CHUNK) return `fewer than ${2 * CHUNK} tokens: the portable program is shorter`;
  return true;
}

/** As `series.ts`, w = order + 1; states `m [N, n, d]` and `s [2, w, N, n, d]`, those with v first. (MATH 3.6) */
function forward(o: Nodes, block: Block<Value>, order: number, lse: boolean): Result<Value> {
  const { q, state } = block;
  const [B, hkv, L, d] = blockShape(o, block.k);
  const [hq, N, w] = [knownAxisSize(o, q, 1), timesDim(B, hkv), order + 1];
  const G = headGroupSize(hq, hkv);
  const n = partsOf(L, CHUNK);
  const long = timesDim(n, CHUNK);
  const extra = requireKnown("elementwise-steps", minusDim(long, L));
  const limit = seriesLimit(order);
  const cut = (x: Value, heads: readonly Dim[], value = 0) =>
    o.reshape(pad(o, x, 2, 0, extra, value), [1, ...heads, n, CHUNK, d]);
  const present = presentKeys(o, block);
  const k = clip(o, replaceAbsent(o, present, block.k, 0), limit);
  const exponents = cut(replaceAbsent(o, present, o.mul(o.mul(k, k), -1), EMPTY_EXPONENT), [N], EMPTY_EXPONENT); // [1, N, n, c, d]
  const ones = cut(replaceAbsent(o, present, o.where(k, 1, 1), 0), [N]);
  const values = cut(replaceAbsent(o, present, block.v, 0), [N]);
  const powers = o.concat(powersOf(o, ones, cut(k, [N]), order), 0); // [w, N, n, c, d], 0 for absent keys
  const terms = o.concat(termsOf(o, cut(clip(o, q, limit), [N, G]), order), 0); // [w, N, G, n, c, d]
  /** Token t of every chunk, the axis gone. */
  const at = (x: Value, t: number) => {
    const shape = o.shape(x);
    return o.reshape(o.slice(x, -2, t, t + 1), [...shape.slice(0, -2), d]);
  };

  const own: Rescaled<Value>[] = [];
  for (let t = 0; t < CHUNK; t++) {
    const [e, p] = [at(exponents, t), at(powers, t)]; // [1, N, n, d], [w, N, n, d]
    const token = o.reshape(o.concat([o.mul(p, at(values, t)), p], 0), [2, w, N, n, d]);
    const sum = own[t - 1];
    const m = sum === undefined ? e : o.maximum(sum.m, e);
    const scaled = (s: Value, exponent: Value) => o.mul(s, o.exp(o.sub(exponent, m)));
    own.push({ m, s: sum === undefined ? token : o.add(scaled(sum.s, sum.m), scaled(token, e)) });
  }
  const { found, left } = acrossChunks(o, own.at(-1)!, state, [B, hkv, n, d, w]);

  const rows = own.map(({ m, s }, t) => {
    const term = o.reshape(at(terms, t), [1, w, N, G, n, d]);
    const read = (x: Value) => o.reshape(o.sum(o.mul(o.reshape(x, [2, w, N, 1, n, d]), term), 1), [2, N, G, n, d]);
    const top = o.maximum(m, found.m);
    const factor = (exponent: Value) => o.reshape(o.exp(o.sub(exponent, top)), [1, N, 1, n, d]);
    const both = o.add(o.mul(read(s), factor(m)), o.mul(read(found.s), factor(found.m)));
    const y = divideOrZero(o, o.slice(both, 0, 0, 1), o.slice(both, 0, 1, 2));
    const logs = () => o.add(logOrMinusInfinity(o, o.slice(both, 0, 1, 2)), o.reshape(top, [1, N, 1, n, d]));
    return { y: o.reshape(y, [N, G, n, 1, d]), ...(lse && { lse: o.reshape(logs(), [N, G, n, 1, d]) }) };
  });
  const all = (parts: readonly Value[]) => o.slice(o.reshape(o.concat(parts, 3), [B, hq, long, d]), 2, 0, L);
  const radius = () => o.mul(o.log(radiusOf(o, clip(o, q, limit))), order);
  return {
    y: all(rows.map((row) => row.y)),
    state: left,
    ...(lse && { lse: o.add(all(rows.map((row) => row.lse!)), radius()) }),
  };
}

/** `k^p`, p = 0..order, the first one given. */
function powersOf<T>(o: Ops<T>, ones: T, k: T, order: number): T[] {
  const powers = [ones];
  for (let p = 1; p <= order; p++) powers.push(o.mul(powers[p - 1]!, k));
  return powers;
}

/** `max(1, |q|)` */
const radiusOf = <T>(o: Ops<T>, q: T): T => o.maximum(o.maximum(q, o.mul(q, -1)), 1);

/** `2^p / p! q^p / max(1, |q|)^order`, p = 0..order. */
function termsOf<T>(o: Ops<T>, q: T, order: number): T[] {
  const inverse = o.div(1, radiusOf(o, q));
  let term = inverse;
  for (let p = 1; p < order; p++) term = o.mul(term, inverse);
  const terms = [term];
  for (let p = 1; p <= order; p++) {
    term = o.mul(o.mul(term, q), 2 / p);
    terms.push(term);
  }
  return terms;
}

/** Returns the sums before each chunk, and the state after the last one. */
function acrossChunks(
  o: Nodes,
  own: Rescaled<Value>,
  state: Block<Value>["state"],
  [B, hkv, n, d, w]: readonly [B: Dim, hkv: number, n: Dim, d: number, w: number],
): { found: Rescaled<Value>; left: Record<string, Value> } {
  const N = timesDim(B, hkv);
  const totals = {
    m: o.transpose(o.reshape(own.m, [N, n, d]), [0, 2, 1]),
    s: o.transpose(o.reshape(own.s, [2 * w, N, n, d]), [1, 3, 2, 0]), // [N, d, n, 2 w]
  };
  const start = state && {
    m: o.reshape(state.mu!, [N, d, 1]),
    s: o.reshape(o.transpose(o.concat([state.s!, state.z!], 2), [0, 1, 3, 2]), [N, d, 1, 2 * w]),
  };
  const scanned = rescaledScan(o, totals, start);
  const [earlier, all] = [exclusivePrefix(o, scanned, start), scanTotal(o, scanned)];
  const final = o.reshape(o.transpose(all.s, [0, 2, 3, 1]), [B, hkv, 2 * w, d]);
  return {
    found: {
      m: o.reshape(o.transpose(earlier.m, [0, 2, 1]), [1, N, n, d]),
      s: o.reshape(o.transpose(earlier.s, [3, 0, 2, 1]), [2, w, N, n, d]),
    },
    left: {
      mu: o.reshape(all.m, [B, hkv, 1, d]),
      s: o.slice(final, 2, 0, w),
      z: o.slice(final, 2, w, 2 * w),
    },
  };
}
