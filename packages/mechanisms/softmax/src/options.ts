import { isPositiveNumber, knownOptions, requireOption, type Window } from "@attnkit/core/program";

export interface SoftmaxOptions {
  /** Multiplies q.k; default 1 / sqrt(d). */
  readonly scale?: number;
  /** Scores become `softcap * tanh(score / softcap)`, before bias and masks; default none. */
  readonly softcap?: number;
  /** How many positions before and after its own a query may see; -1, null and Infinity are unlimited. */
  readonly window?: readonly [left: number | null, right: number | null];
}

/** Distances in positions, Infinity where there is no limit. */
export function windowOf({ window }: SoftmaxOptions): Window | undefined {
  if (window === undefined) return undefined;
  const side = (n: number | null) => (n === null || n === -1 ? Number.POSITIVE_INFINITY : n);
  return [side(window[0]), side(window[1])];
}

/** Throws `ATTN_OPTION`. */
export function checkOptions(options: SoftmaxOptions): void {
  knownOptions("softmax", options, ["scale", "softcap", "window"]);
  const { scale, softcap, window } = options;
  const finite = scale === undefined || (typeof scale === "number" && Number.isFinite(scale));
  requireOption(finite, "softmax", "scale", scale, "a finite number");
  requireOption(softcap === undefined || isPositiveNumber(softcap), "softmax", "softcap", softcap, "a number above 0");
  const side = (n: unknown) =>
    n === null || n === -1 || n === Number.POSITIVE_INFINITY || (Number.isInteger(n) && (n as number) >= 0);
  const pair = window === undefined || (Array.isArray(window) && window.length === 2 && window.every(side));
  requireOption(
    pair,
    "softmax",
    "window",
    window,
    "[left, right], each a whole number >= 0, or -1 or null for unlimited",
  );
}
