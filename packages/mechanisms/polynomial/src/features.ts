import { axisSize, knownAxisSize, type Ops } from "@attnkit/core/program";

/**
 * The number of entries of a polynomial's state per channel of v: `sum over its degrees m of C(d + m - 1, m)`. They are the
 * monomials `x_i1 .. x_im` with `i1 <= .. <= im`, by degree and then in lexicographic order.
 */
export function featureCount(coefficients: readonly number[], d: number): number {
  return coefficients.reduce((sum, c, m) => sum + (c === 0 ? 0 : choose(d + m - 1, m)), 0);
}

/**
 * Features as programs compute them: channels are cut into blocks of `width`, and a monomial stands for every tuple of
 * channels whose blocks do not decrease. Outer products make them, without a gather. For degree 2, d = 64 and width 8
 * there are 2304 of them, of which the state holds 2080.
 */
export interface Features {
  /** Channels per block. */
  readonly width: number;
  /** The number of features. */
  readonly size: number;
  /** For each feature, the entry of the state that holds the same monomial. */
  readonly toState: readonly number[];
  /** For each entry of the state, one feature that is its monomial. */
  readonly fromState: readonly number[];
}

/** An operation costs as much as this many features of one token: it bounds the number of blocks. */
const OPERATION = 32;

/** The number of features, and of outer products that make them. */
export function blockedSize(coefficients: readonly number[], d: number, width: number) {
  let [size, products] = [0, 0];
  let suffixes = startsOf(d, width).map(() => 1); // features of degree m whose blocks are not before a
  coefficients.forEach((c, m) => {
    if (m > 0) {
      const parts = startsOf(d, width).map((start, a) => Math.min(width, d - start) * suffixes[a]!);
      suffixes = parts.map((_, a) => parts.slice(a).reduce((x, y) => x + y));
      products += parts.length;
    }
    if (c !== 0) size += m === 0 ? 1 : suffixes[0]!;
  });
  return { size, products };
}

/** The width of blocks with the least counted cost: a power of 2, or d. */
export function blockWidth(coefficients: readonly number[], d: number): number {
  const widths = [...Array.from({ length: 12 }, (_, i) => 2 ** i).filter((w) => w < d), d];
  const cost = (w: number) => {
    const { size, products } = blockedSize(coefficients, d, w);
    return size + OPERATION * products;
  };
  return widths.reduce((best, w) => (cost(w) < cost(best) ? w : best));
}

/** The features of a polynomial over d channels, and where the state holds them. */
export function featuresOf(coefficients: readonly number[], d: number): Features {
  const width = blockWidth(coefficients, d);
  const toState: number[] = [];
  let first = 0;
  coefficients.forEach((c, m) => {
    if (c === 0) return;
    for (const tuple of tuples(d, m, width))
      toState.push(
        first +
          rankOf(
            tuple.toSorted((a, b) => a - b),
            d,
          ),
      );
    first += choose(d + m - 1, m);
  });
  const fromState = Array<number>(first).fill(0);
  toState.forEach((entry, f) => {
    fromState[entry] = f;
  });
  return { width, size: toState.length, toState, fromState };
}

/** Monomials that start with a channel of one block. */
interface Part<T> {
  /** `[..., n, tokens]` */
  readonly x: T;
  /** For each monomial, how many of its factors are of that block. */
  readonly runs: readonly number[];
}

/**
 * Symmetric-power features of columns `[..., d, tokens]`, in parts `[..., n, tokens]` whose n add up to `size`:
 * `phi(q, weights).phi(k) = sum_m weights_m (q.k)^m` for weights on one side and none on the other. Degrees with
 * coefficient 0 have no features. (MATH 4.3, 6.1)
 */
export function features<T>(
  o: Ops<T>,
  x: T,
  coefficients: readonly number[],
  width: number,
  weights?: readonly number[],
): T[] {
  const d = knownAxisSize(o, x, -2);
  const blocks = startsOf(d, width).map((start): Part<T> => {
    const n = Math.min(width, d - start);
    return { x: n === d ? x : o.slice(x, -2, start, start + n), runs: Array<number>(n).fill(1) };
  });
  const one = () => o.where(o.slice(x, -2, 0, 1), 1, 1);
  let parts: readonly Part<T>[] = [];
  return coefficients.flatMap((c, m) => {
    if (m === 1) parts = blocks;
    if (m > 1) parts = blocks.map((block, a) => product(o, block, parts.slice(a), weights && m));
    if (c === 0) return [];
    const weight = weights?.[m] ?? 1;
    const own = m === 0 ? [one()] : m === 1 ? [x] : parts.map((part) => part.x);
    return weight === 1 ? own : own.map((part) => o.mul(part, weight));
  });
}

/**
 * Products of the channels of a block and of monomials that start with this block, `later[0]`, or a later one. With a degree
 * they also count orderings: a monomial stands for `degree! / prod(runs!)` tuples.
 */
function product<T>(o: Ops<T>, block: Part<T>, later: readonly Part<T>[], degree?: number): Part<T> {
  const [lead, tokens] = [o.shape(block.x).slice(0, -2), axisSize(o, block.x, -1)];
  const suffix =
    later.length === 1
      ? later[0]!.x
      : o.concat(
          later.map((part) => part.x),
          -2,
        );
  const runs = later.flatMap((part, i) => part.runs.map((run) => (i === 0 ? run + 1 : 1)));
  const [w, n] = [block.runs.length, runs.length];
  const orderings = () =>
    o.constant(
      runs.map((run) => degree! / run),
      [n, 1],
    );
  const factors = degree === undefined ? suffix : o.mul(suffix, orderings());
  const all = o.mul(o.reshape(block.x, [...lead, w, 1, tokens]), o.reshape(factors, [...lead, 1, n, tokens]));
  return { x: o.reshape(all, [...lead, w * n, tokens]), runs: Array.from({ length: w }, () => runs).flat() };
}

const startsOf = (d: number, width: number): number[] =>
  Array.from({ length: Math.ceil(d / width) }, (_, a) => a * width);

/** The channels of every feature of degree m, in the order of `features`; the first block is `from` or a later one. */
function tuples(d: number, m: number, width: number, from = 0): number[][] {
  if (m === 0) return [[]];
  return startsOf(d, width)
    .slice(from)
    .flatMap((start, i) => {
      const rest = tuples(d, m - 1, width, from + i);
      const channels = Array.from({ length: Math.min(width, d - start) }, (_, c) => start + c);
      return channels.flatMap((c) => rest.map((tuple) => [c, ...tuple]));
    });
}

/** The place of `i_1 <= .. <= i_m < d` in lexicographic order. */
function rankOf(sorted: readonly number[], d: number): number {
  let [rank, first] = [0, 0];
  sorted.forEach((channel, at) => {
    const left = sorted.length - at - 1;
    for (let c = first; c < channel; c++) rank += choose(d - c + left - 1, left);
    first = channel;
  });
  return rank;
}

function choose(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return Math.round(result);
}
