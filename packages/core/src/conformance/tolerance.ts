import type { DType } from "../program/ops.ts";
import type { Host } from "./host.ts";

/** Unit roundoff: half the distance from 1 to the next number (IEEE 754). */
export const unitRoundoff: Readonly<Record<DType, number>> = {
  float16: 2 ** -11,
  float32: 2 ** -24,
  float64: 2 ** -53,
};

/**
 * The one tolerance of the suite: `|error| <= u (A sqrt(n) scale + B)`. `n` is the length of the sums behind an entry
 * (keys plus channels): rounding errors of n random signs grow as sqrt(n) (Higham 2002, section 2.8). `scale` is the
 * reference's: the absolute contributions to the entry, weighted by what their exponents lose. Measured: the cpu backend
 * uses up to a quarter of this, one with the errors that WGSL allows up to 80 %; the report of every run says how much.
 */
export const A = 4;
export const B = 4;

export const allowance = (dtype: DType, n: number, scale: number): number =>
  unitRoundoff[dtype] * (A * Math.sqrt(Math.max(1, n)) * scale + B);

/** From here on numbers are rounded to an infinite half. */
const BEYOND_HALVES = 65520;

/**
 * Limits a number to the range of halves if a backend stores them and a finite number is expected: there, a finite result beyond the
 * range is infinite.
 */
export const limitedTo = (dtype: DType, x: number, expected: number): number =>
  dtype === "float16" && Number.isFinite(expected) ? Math.max(-BEYOND_HALVES, Math.min(BEYOND_HALVES, x)) : x;

/** Where two arrays differ most, in units of what is allowed there. */
export interface Worst {
  /** |got - expected| / allowed; Infinity where NaN, infinities or their signs disagree. */
  readonly used: number;
  readonly index: number;
  readonly got: number;
  readonly expected: number;
  readonly allowed: number;
}

/** Compare entry by entry; infinities must match exactly, NaN equals NaN alone. Shapes are the caller's business. */
export function compare(got: ArrayLike<number>, expected: ArrayLike<number>, allowed: (i: number) => number): Worst {
  let worst: Worst = { used: 0, index: -1, got: 0, expected: 0, allowed: 0 };
  for (let i = 0; i < expected.length; i++) {
    const [g, e] = [got[i]!, expected[i]!];
    const budget = allowed(i);
    const used = fraction(g, e, budget);
    if (used > worst.used) worst = { used, index: i, got: g, expected: e, allowed: budget };
  }
  return worst;
}

function fraction(got: number, expected: number, allowed: number): number {
  if (Object.is(got, expected) || got === expected) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(expected)) return Number.POSITIVE_INFINITY;
  const part = Math.abs(got - expected) / allowed;
  return Number.isNaN(part) ? Number.POSITIVE_INFINITY : part;
}

/** The first entry that is not the same number (0 and -0 are), or -1. */
export function firstDifference(a: Host, b: Host): number {
  if (a.data.length !== b.data.length) return 0;
  return a.data.findIndex((x, i) => x !== b.data[i] && !(Number.isNaN(x) && Number.isNaN(b.data[i])));
}

/** The multi-index of a flat position, for messages. */
export function indexOf(flat: number, shape: readonly number[]): number[] {
  const at: number[] = [];
  let rest = flat;
  for (const n of shape.toReversed()) {
    at.unshift(rest % n);
    rest = Math.floor(rest / n);
  }
  return at;
}
