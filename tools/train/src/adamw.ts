import type { Ops } from "@attnkit/core/program";
import { powerOf } from "./functions.ts";

/** The constants of AdamW (Loshchilov and Hutter 2019) and of gradient clipping. */
export interface Optimiser {
  /** Decay of the first moment. Default: 0.9. */
  readonly beta1?: number;
  /** Decay of the second moment. Default: 0.999. */
  readonly beta2?: number;
  /** Weight decay, multiplied by the learning rate. Default: 0. */
  readonly decay?: number;
  /** The largest length of the gradient of all parameters; a longer one is scaled down to it. Default: no limit. */
  readonly clip?: number;
}

/** The numbers that a step needs and that change from step to step, as tensors `[1]`. */
export interface StepNumbers<T> {
  /** The learning rate with the corrections of both moments: `rate sqrt(1 - beta2^t) / (1 - beta1^t)`. */
  readonly factor: T;
  /** Weight decay of this step: `rate * decay`. */
  readonly shrink: T;
}

/** Returns the step-dependent numbers for a step that counts from 0. */
export function stepNumbers(
  step: number,
  rate: number,
  { beta1 = 0.9, beta2 = 0.999, decay = 0 }: Optimiser,
): StepNumbers<number> {
  const t = step + 1;
  return { factor: (rate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t), shrink: rate * decay };
}

/** Flat vectors `[count]`, except `square`, the squared length of the gradient before clipping, `[1]`. */
export interface Moved<T> {
  readonly w: T;
  readonly m: T;
  readonly v: T;
  readonly square: T;
}

/** Under the root: a second moment of zero moves nothing, and its logarithm stays finite. */
const EPSILON = 1e-16;

/**
 * One step of AdamW (algorithm 2) over all parameters as one vector: a dozen operations whatever their number. Weights
 * decay where `decayed` is 1; without it none does. 1e-8 is added to the root of the uncorrected second moment, inside it.
 */
export function adamw<T>(
  o: Ops<T>,
  x: Readonly<Record<"w" | "m" | "v" | "gradient", T>> & { readonly decayed?: T | undefined },
  { factor, shrink }: StepNumbers<T>,
  { beta1 = 0.9, beta2 = 0.999, clip }: Optimiser,
): Moved<T> {
  const square = o.sum(o.mul(x.gradient, x.gradient), 0); // [1]
  const inverseLength = () => powerOf(o, o.add(square, EPSILON), -0.5);
  const g = clip === undefined ? x.gradient : o.mul(x.gradient, o.minimum(o.mul(inverseLength(), clip), 1));
  const m = o.add(o.mul(x.m, beta1), o.mul(g, 1 - beta1));
  const v = o.add(o.mul(x.v, beta2), o.mul(o.mul(g, g), 1 - beta2));
  const moved = o.sub(x.w, o.mul(o.mul(m, powerOf(o, o.add(v, EPSILON), -0.5)), factor));
  const w = x.decayed === undefined ? moved : o.sub(moved, o.mul(o.mul(x.w, x.decayed), shrink));
  return { w, m, v, square };
}
