import type { Ops } from "@attnkit/core/program";

export interface Schedule {
  readonly rate: number;
  /** Steps over which the rate rises to its value. */
  readonly warmup: number;
  readonly decay: number;
  /** Longest gradient; a longer one is scaled down to it. */
  readonly clip: number;
}

export const schedule: Schedule = { rate: 3e-3, warmup: 20, decay: 0.05, clip: 1 };

const [BETA1, BETA2] = [0.9, 0.99];
/** Under the root: a second moment of zero moves nothing, and its logarithm stays finite. */
const EPSILON = 1e-16;

/** Flat vectors `[N]` but `square`, the squared length of the gradient, `[1]`. */
export interface Moved<T> {
  readonly w: T;
  readonly m: T;
  readonly v: T;
  readonly square: T;
}

/**
 * One step of AdamW (Loshchilov and Hutter 2019, algorithm 2) over all parameters as one vector, so that it costs a GPU a
 * dozen launches whatever their number. `decayed` is 1 where weights decay. `step` counts from 0.
 */
export function adamw<T>(
  o: Ops<T>,
  x: Readonly<Record<"w" | "m" | "v" | "gradient" | "decayed", T>>,
  step: number,
  { rate, warmup, decay, clip }: Schedule,
): Moved<T> {
  const square = o.sum(o.mul(x.gradient, x.gradient), 0); // [1]
  const short = o.minimum(o.mul(rootOf(o, square, -1), clip), 1);
  const g = o.mul(x.gradient, short);
  const m = o.add(o.mul(x.m, BETA1), o.mul(g, 1 - BETA1));
  const v = o.add(o.mul(x.v, BETA2), o.mul(o.mul(g, g), 1 - BETA2));
  const t = step + 1;
  const now = rate * Math.min(1, t / Math.max(1, warmup));
  // The corrections of both moments in one factor.
  const factor = (now * Math.sqrt(1 - BETA2 ** t)) / (1 - BETA1 ** t);
  const moved = o.mul(o.mul(m, rootOf(o, v, -1)), factor);
  const shrunk = o.mul(o.mul(x.w, x.decayed), now * decay);
  return { w: o.sub(o.sub(x.w, moved), shrunk), m, v, square };
}

/** `x^(1/2)` or `x^(-1/2)`. */
const rootOf = <T>(o: Ops<T>, x: T, sign: 1 | -1): T => o.exp(o.mul(o.log(o.add(x, EPSILON)), sign / 2));
