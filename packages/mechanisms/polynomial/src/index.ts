import { AttentionError, type Block, type Causal, type Mechanism, type Result } from "@attnkit/core";
import {
  alignPositions,
  allKeysPresent,
  axisSize,
  blockShape,
  type Call,
  cacheEntries,
  chunkGranularity,
  clip,
  type Dims,
  everyRowSeesAllKeys,
  extendCache,
  factoredSum,
  foldQueryHeads,
  type How,
  hideWeights,
  isKnown,
  knownAxisSize,
  mergeCaches,
  minusDim,
  multipleOf,
  type Ops,
  pad,
  plusDim,
  presentKeys,
  replaceAbsent,
  requireKnown,
  type StateEntry,
  transposeLast,
  unfoldQueryHeads,
} from "@attnkit/core/program";
import { type Features, featureCount, features, featuresOf } from "./features.ts";
import { limitOf, type Polynomial, type PolynomialOptions, resolve } from "./options.ts";

import { chunkOf, folds } from "./plan.ts";

export { type PolynomialOptions, polynomialOptions } from "./options.ts";

/** More than this in `form: "linear"` is refused: its state alone would be hundreds of megabytes. */
const MOST_FEATURES = 100_000;

/**
 * Polynomial attention (Saratchandran et al. 2024, arXiv 2410.18613): `y_i = sum_j P(q_i.k_j / sqrt(d)) v_j / sqrt(N)`,
 * no softmax and no normalisation; P is `s^p` or a coefficient list. State of the linear form: `a [B, Hkv, r, dv]`, and
 * `n [B, 1, 1, 1]`, the keys seen, where N counts visible keys; of the quadratic form: every key and value.
 * Throws `ATTN_OPTION`.
 */
export function polynomial(options: PolynomialOptions = {}): Mechanism<"polynomial"> {
  const p = resolve(options);
  const folded =
    'the linear form folds keys into a sum, so single pairs cannot be changed; use keyMask, or form "quadratic"';
  const takesPairs = p.form === "linear" ? folded : true;
  const maps = lastMap(p);
  const width = (d: number) => featureCount(p.coefficients, d);
  const linearEntries = ({ B, Hkv, d, dv }: Dims): Record<string, StateEntry> => ({
    a: { shape: [B, Hkv, width(d), dv] },
    ...(p.fixed === undefined && { n: { shape: [B, 1, 1, 1] } }),
  });
  return {
    name: "polynomial",
    options: { ...options },
    stateOptions: { coefficients: p.coefficients },
    domain: { q: Math.min(100, limitOf(p, 256)), k: Math.min(100, limitOf(p, 256)) },
    takes: { mask: takesPairs, bias: takesPairs, lse: "the weights are not normalised" },
    state(dims, names) {
      const given = names?.includes("a") ? true : names?.includes("k") ? false : folds(p, { d: dims.d, pairs: false });
      const asked = p.form === "auto" ? given : p.form === "linear";
      return asked ? linearEntries(dims) : cacheEntries(dims);
    },
    // A program for any length is one chunk; see `linearForm`.
    granularity({ causal, state, dims, shapes }: Call) {
      const past = shapes.state?.a ? "folded" : shapes.state?.k ? "cache" : undefined;
      const pairs = shapes.mask !== undefined || shapes.bias !== undefined;
      if (!folds(p, { d: dims.d, pairs, past })) return 1;
      const how = { causal: causal !== false, past: past !== undefined, state: state !== false };
      const size = chunkOf(p, { ...dims, ...how });
      return Number.isFinite(size) ? chunkGranularity(size, dims.L) : 1;
    },
    check({ dims: { d }, shapes }: Call) {
      const pairs = shapes.mask ? "mask" : shapes.bias ? "bias" : undefined;
      if (pairs && shapes.state?.a) throw new AttentionError("ATTN_UNSUPPORTED", "polynomial", `${pairs}: ${folded}`);
      if (p.form === "linear" && width(d) > MOST_FEATURES) {
        const size = `the linear form has ${width(d)} features for d = ${d}`;
        throw new AttentionError(
          "ATTN_OPTION",
          "polynomial",
          `${size}; expected at most ${MOST_FEATURES}, or form "quadratic"`,
        );
      }
    },
    forward(o, block, how) {
      const pairs = block.mask !== undefined || block.bias !== undefined;
      const past = block.state && (block.state.a === undefined ? "cache" : "folded");
      const linear = folds(p, { d: knownAxisSize(o, block.q, 3), pairs, past });
      return linear ? linearForm(o, block, how, p, maps) : quadraticForm(o, block, how, p);
    },
    merge(o, a, b) {
      if (a.k !== undefined || b.k !== undefined) return mergeCaches(o, a, b);
      return { a: o.add(a.a!, b.a!), ...(p.fixed === undefined && { n: o.add(a.n!, b.n!) }) };
    },
  };
}

/** Remembers the features of the number of channels that was asked for last: a mechanism is mostly called with one. */
function lastMap({ coefficients }: Polynomial): (d: number) => Features {
  let last: { readonly d: number; readonly map: Features } | undefined;
  return (d) => {
    if (last?.d !== d) last = { d, map: featuresOf(coefficients, d) };
    return last.map;
  };
}

/** O(L r): symmetric-power features, and a running sum of `phi(k)^T v`; a short block by its pairs. */
function linearForm<T>(
  o: Ops<T>,
  block: Block<T>,
  { causal, state }: How,
  p: Polynomial,
  maps: (d: number) => Features,
): Result<T> {
  const [, , L, d] = blockShape(o, block.q);
  const [, , S, dv] = blockShape(o, block.v);
  const map = maps(d);
  const present = presentKeys(o, block);
  const q = o.mul(clip(o, block.q, limitOf(p, d)), 1 / Math.sqrt(d));
  const k = clip(o, replaceAbsent(o, present, block.k, 0), limitOf(p, d));
  const kept = state !== false;
  const given = { ...{ d, dv, state: kept }, causal: causal !== false, past: block.state !== undefined };
  // A symbolic length is a multiple of the chunk that `granularity` chose; of 1 where it counted the block as one chunk.
  const open = multipleOf(L) === 1 ? Number.POSITIVE_INFINITY : multipleOf(L);
  const size = isKnown(L) && isKnown(S) ? chunkOf(p, { ...given, L, S }) : open;
  const { sums, carry } = factoredSum(
    o,
    {
      ...{ q, k, values: replaceAbsent(o, present, block.v, 0) },
      weights: (x, y) => evaluate(o, o.matmul(x, transposeLast(o, y)), p.coefficients),
      fold: (x, v) => fold(o, features(o, transposeLast(o, x), p.coefficients, map.width), v),
      read: (x, sum) => read(o, features(o, transposeLast(o, x), p.coefficients, map.width, p.coefficients), sum),
      carry: block.state && o.take(block.state.a!, 2, map.toState),
    },
    { causal, size, state: kept },
  );
  const a = () => o.take(carry!, 2, map.fromState);
  if (p.fixed !== undefined) return { y: o.mul(sums, 1 / Math.sqrt(p.fixed)), state: kept ? { a: a() } : {} };
  const { seen, total } = counts(o, block, present, causal);
  return { y: o.mul(sums, inverseRoot(o, seen)), state: kept ? { a: a(), n: total } : {} };
}

/** Returns the sums of keys, `[..., r, e]`, from features in parts `[..., n, S]` and values `[..., S, e]`. */
function fold<T>(o: Ops<T>, parts: readonly T[], values: T): T {
  const sums = parts.map((part) => o.matmul(part, values));
  return sums.length === 1 ? sums[0]! : o.concat(sums, -2);
}

/** Returns the products with sums `[..., r, e]`, `[..., L, e]`, from features in parts `[..., n, L]`. */
function read<T>(o: Ops<T>, parts: readonly T[], sums: T): T {
  const columns = transposeLast(o, sums); // [..., e, r]
  let first = 0;
  const products = parts.map((part) => {
    const n = knownAxisSize(o, part, -2);
    first += n;
    return o.matmul(parts.length === 1 ? columns : o.slice(columns, -1, first - n, first), part);
  });
  return transposeLast(
    o,
    products.reduce((a, b) => o.add(a, b)),
  );
}

/** O(L S): the weight matrix. */
function quadraticForm<T>(o: Ops<T>, block: Block<T>, { causal, state }: How, p: Polynomial): Result<T> {
  const [, hq, L, d] = blockShape(o, block.q);
  const keys = extendCache(o, block, causal);
  const kept = state === false ? {} : keys.state;
  const hkv = knownAxisSize(o, keys.k, 1);
  const q = o.mul(clip(o, block.q, limitOf(p, d)), 1 / Math.sqrt(d));
  const products = o.matmul(foldQueryHeads(o, q, hkv), transposeLast(o, clip(o, keys.k, limitOf(p, d))));
  const s = unfoldQueryHeads(o, products, hq, L); // [B, Hq, L, P + S]
  const seen = keys.visible;
  // A bias of -Infinity is masked before the power, whose derivative there would be NaN.
  const masked = (x: T) => hideWeights(o, x, keys);
  const weights = masked(evaluate(o, block.bias === undefined ? s : masked(o.add(s, block.bias)), p.coefficients));
  const sums = unfoldQueryHeads(o, o.matmul(foldQueryHeads(o, weights, hkv), keys.v), hq, L);
  if (p.fixed !== undefined) return { y: o.mul(sums, 1 / Math.sqrt(p.fixed)), state: kept };
  const [B, , T] = blockShape(o, keys.k);
  const every = o.reshape(allKeysPresent(o, keys.k), [B, 1, 1, T]);
  const count = o.sum(seen === undefined ? every : o.where(seen, every, 0), -1);
  return { y: o.mul(sums, inverseRoot(o, count)), state: kept };
}

/** `sum_m c_m s^m`. */
function evaluate<T>(o: Ops<T>, s: T, coefficients: readonly number[]): T {
  const top = coefficients.length - 1;
  let result: T | number = coefficients[top]!;
  for (let m = top - 1; m >= 0; m--) {
    const product: T | number = typeof result === "number" && result === 1 ? s : o.mul(result, s);
    result = coefficients[m] === 0 ? product : o.add(product, coefficients[m]!);
  }
  return typeof result === "number" ? o.where(s, result, result) : result;
}

/** Keys that each row sees, `[B, 1, L or 1, 1]`, and all keys seen after the block, `[B, 1, 1, 1]`. */
function counts<T>(o: Ops<T>, { q, k, state }: Block<T>, present: T | undefined, causal: Causal) {
  const [B, , S] = blockShape(o, k);
  const L = axisSize(o, q, 2);
  const ones = present ?? o.reshape(allKeysPresent(o, k), [B, 1, S, 1]);
  const own = o.sum(ones, 2);
  const total = state === undefined ? own : o.add(own, state.n!);
  if (everyRowSeesAllKeys(L, S, causal)) return { seen: total, total };
  const at = alignPositions(L, S, causal);
  const after = requireKnown("polynomial", minusDim(at.length, plusDim(S, at.k)));
  const running = o.cumsum(pad(o, ones, 2, at.k, after), 2);
  const rows = o.slice(running, 2, at.q, plusDim(L, at.q));
  return { seen: state === undefined ? rows : o.add(rows, state.n!), total };
}

/** `1 / sqrt(n)`, and 1 where n is 0: the sum beside it is 0. */
const inverseRoot = <T>(o: Ops<T>, n: T): T => o.exp(o.mul(o.log(o.where(n, n, 1)), -0.5));
