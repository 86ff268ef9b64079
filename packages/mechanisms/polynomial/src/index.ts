import { AttentionError, type Block, type Causal, type Mechanism, type Result } from "@attnkit/core";
import {
  alignPositions,
  allKeysPresent,
  axisSize,
  type Call,
  cacheEntries,
  chunkGranularity,
  chunkSizeForFeatures,
  clip,
  type Dims,
  everyRowSeesAllKeys,
  extendCache,
  factoredSum,
  foldQueryHeads,
  mergeCaches,
  type Ops,
  pad,
  presentKeys,
  replaceAbsent,
  type StateEntry,
  transposeLast,
  unfoldQueryHeads,
} from "@attnkit/core/program";
import { featureCount, features } from "./features.ts";
import { foldsKeys, limitOf, type Polynomial, type PolynomialOptions, resolve } from "./options.ts";

export type { PolynomialOptions } from "./options.ts";

/** More than this in `form: "linear"` is refused: its state alone would be hundreds of megabytes. */
const MOST_FEATURES = 100_000;

/**
 * Polynomial attention (Saratchandran et al. 2024, arXiv 2410.18613): `y_i = sum_j P(q_i.k_j / sqrt(d)) v_j / sqrt(N)`,
 * no softmax and no normalisation; P is `s^p` or a coefficient list. State of the linear form: `a [B, Hkv, r, dv]`, and
 * `n [B, 1, 1, 1]`, the keys seen, where N counts visible keys; of the quadratic form: every key and value.
 * Throws `ATTN_OPTION`.
 */
export function polynomial(options: PolynomialOptions = {}): Mechanism {
  const p = resolve(options);
  const folded =
    'the linear form folds keys into a sum, so single pairs cannot be changed; use keyMask, or form "quadratic"';
  const takesPairs = p.form === "linear" ? folded : true;
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
      const given = names?.includes("a") ? true : names?.includes("k") ? false : foldsKeys(p, dims.d);
      const asked = p.form === "auto" ? given : p.form === "linear";
      return asked ? linearEntries(dims) : cacheEntries(dims);
    },
    granularity({ causal, dims: { L, d }, shapes }: Call) {
      const folds = shapes.state?.a || !(shapes.state?.k || shapes.mask || shapes.bias || !foldsKeys(p, d));
      return folds && causal ? chunkGranularity(chunkSizeForFeatures(width(d)), L) : 1;
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
    forward(o, block, { causal }) {
      const pairs = block.mask !== undefined || block.bias !== undefined;
      const folds = block.state ? block.state.a !== undefined : !pairs && foldsKeys(p, axisSize(o, block.q, 3));
      return folds ? linearForm(o, block, causal, p) : quadraticForm(o, block, causal, p);
    },
    merge(o, a, b) {
      if (a.k !== undefined || b.k !== undefined) return mergeCaches(o, a, b);
      return { a: o.add(a.a!, b.a!), ...(p.fixed === undefined && { n: o.add(a.n!, b.n!) }) };
    },
  };
}

/** O(L r): symmetric-power features, and a running sum of `phi(k)^T v`. */
function linearForm<T>(o: Ops<T>, block: Block<T>, causal: Causal, p: Polynomial): Result<T> {
  const d = axisSize(o, block.q, 3);
  const present = presentKeys(o, block);
  const q = o.mul(clip(o, block.q, limitOf(p, d)), 1 / Math.sqrt(d));
  const k = clip(o, replaceAbsent(o, present, block.k, 0), limitOf(p, d));
  const phiQ = features(o, q, p.coefficients, p.coefficients);
  const phiK = features(o, k, p.coefficients);
  const weights = (x: T, y: T) => evaluate(o, o.matmul(x, transposeLast(o, y)), p.coefficients);
  const { sums, carry } = factoredSum(
    o,
    { phiQ, phiK, values: replaceAbsent(o, present, block.v, 0), carry: block.state?.a, own: { q, k, weights } },
    causal,
    chunkSizeForFeatures(axisSize(o, phiK, -1)),
  );
  if (p.fixed !== undefined) return { y: o.mul(sums, 1 / Math.sqrt(p.fixed)), state: { a: carry } };
  const { seen, total } = counts(o, block, present, causal);
  return { y: o.mul(sums, inverseRoot(o, seen)), state: { a: carry, n: total } };
}

/** O(L S): the weight matrix. */
function quadraticForm<T>(o: Ops<T>, block: Block<T>, causal: Causal, p: Polynomial): Result<T> {
  const [hq, L, d] = o.shape(block.q).slice(1) as [number, number, number];
  const keys = extendCache(o, block, causal);
  const hkv = axisSize(o, keys.k, 1);
  const q = o.mul(clip(o, block.q, limitOf(p, d)), 1 / Math.sqrt(d));
  const products = o.matmul(foldQueryHeads(o, q, hkv), transposeLast(o, clip(o, keys.k, limitOf(p, d))));
  const s = unfoldQueryHeads(o, products, hq, L); // [B, Hq, L, P + S]
  const seen = keys.visible;
  // A bias of -Infinity is masked before the power, whose derivative there would be NaN.
  const masked = (x: T) => (seen === undefined ? x : o.where(seen, x, 0));
  const weights = masked(evaluate(o, block.bias === undefined ? s : masked(o.add(s, block.bias)), p.coefficients));
  const sums = unfoldQueryHeads(o, o.matmul(foldQueryHeads(o, weights, hkv), keys.v), hq, L);
  if (p.fixed !== undefined) return { y: o.mul(sums, 1 / Math.sqrt(p.fixed)), state: keys.state };
  const [B, , T] = o.shape(keys.k) as [number, number, number];
  const every = o.reshape(allKeysPresent(o, keys.k), [B, 1, 1, T]);
  const count = o.sum(seen === undefined ? every : o.where(seen, every, 0), -1);
  return { y: o.mul(sums, inverseRoot(o, count)), state: keys.state };
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
  const [B, , S] = o.shape(k) as [number, number, number];
  const L = axisSize(o, q, 2);
  const ones = present ?? o.reshape(allKeysPresent(o, k), [B, 1, S, 1]);
  const own = o.sum(ones, 2);
  const total = state === undefined ? own : o.add(own, state.n!);
  if (everyRowSeesAllKeys(L, S, causal)) return { seen: total, total };
  const at = alignPositions(L, S, causal);
  const running = o.cumsum(pad(o, ones, 2, at.k, at.length - at.k - S), 2);
  const rows = o.slice(running, 2, at.q, at.q + L);
  return { seen: state === undefined ? rows : o.add(rows, state.n!), total };
}

/** `1 / sqrt(n)`, and 1 where n is 0: the sum beside it is 0. */
const inverseRoot = <T>(o: Ops<T>, n: T): T => o.exp(o.mul(o.log(o.where(n, n, 1)), -0.5));
