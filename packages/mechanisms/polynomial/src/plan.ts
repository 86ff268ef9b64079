import { chunkSizeForFeatures } from "@attnkit/core/program";
import { blockedSize, blockWidth, featureCount } from "./features.ts";
import type { Polynomial } from "./options.ts";

/** `"auto"` folds keys into at most this many entries per channel of v: p = 1, p = 2 up to d = 64, p = 3 up to d = 22. */
const AUTO_ENTRIES = 2080;

/** The facts that the choice of a state depends on. */
export interface Given {
  readonly d: number;
  /** True if the block brings a mask or bias. */
  readonly pairs: boolean;
  /** The kind of the given state: a folded sum or a cache of keys; absent without a state. */
  readonly past?: "folded" | "cache" | undefined;
}

/** Returns whether a call folds its keys into a sum, which is the linear form. */
export function folds({ form, coefficients }: Polynomial, { d, pairs, past }: Given): boolean {
  if (past !== undefined) return past === "folded";
  return !pairs && (form === "linear" || (form === "auto" && featureCount(coefficients, d) <= AUTO_ENTRIES));
}

/** The sizes that a plan is made for. */
export interface Sizes {
  readonly L: number;
  readonly S: number;
  readonly d: number;
  readonly dv: number;
  readonly causal: boolean;
  /** True if the sum of earlier keys is read, and if the sum after the block is wanted. */
  readonly past: boolean;
  readonly state: boolean;
}

/** One element of an elementwise operation costs as much as this many multiply-adds of a matrix product. */
const ELEMENT = 8;

/** Operations on the elements of a score matrix: the power and the mask. */
const PER_PAIR = 2;

/**
 * Returns the tokens of a chunk for a folded call, and Infinity where all pairs of the block at once cost less by count:
 * `L S (d + dv + 2 E)` and, for a state, `S r (dv + E)`, against `L C (d + dv + 2 E) + (L + S) r (dv + E)` in chunks of C.
 */
export function chunkOf({ coefficients }: Polynomial, { L, S, d, dv, causal, past, state }: Sizes): number {
  const r = blockedSize(coefficients, d, blockWidth(coefficients, d)).size;
  const C = chunkSizeForFeatures(r);
  const pair = d + dv + PER_PAIR * ELEMENT;
  const feature = r * (dv + ELEMENT);
  const once = L * S * pair + ((state ? S : 0) + (past ? L : 0)) * feature;
  const chunked = (causal ? L * Math.min(C, L) * pair : 0) + (L + S) * feature;
  return once <= chunked ? Number.POSITIVE_INFINITY : C;
}
