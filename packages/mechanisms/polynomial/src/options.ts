import { isPositiveInteger, isPositiveNumber, knownOptions, requireOption } from "@attnkit/core/program";
import { featureCount } from "./features.ts";

export interface PolynomialOptions {
  /** p of `s^p`, a whole number >= 1; default 2. */
  readonly power?: number;
  /** `c_0 .. c_p` of `sum_m c_m s^m`, instead of `power`. */
  readonly coefficients?: readonly number[];
  /** N: the keys that the row may attend to (`"visible"`, default), or `n` (`"fixed"`). */
  readonly normalizer?: "visible" | "fixed";
  /** N where `normalizer` is `"fixed"`; the paper takes the sequence length. */
  readonly n?: number;
  /**
   * `"quadratic"` keeps every key, `"linear"` a constant-size state of symmetric-power features; `"auto"` (default) is
   * linear where that state has at most 2080 features and the block brings no mask or bias.
   */
  readonly form?: "auto" | "quadratic" | "linear";
}

/** Options with defaults: the weight of a score s is `sum_m coefficients[m] s^m / sqrt(N)`. */
export interface Polynomial {
  readonly coefficients: readonly number[];
  /** N, or undefined where it is the number of visible keys. */
  readonly fixed: number | undefined;
  readonly form: "auto" | "quadratic" | "linear";
}

/** Throws `ATTN_OPTION`. */
export function resolve(options: PolynomialOptions): Polynomial {
  const who = "polynomial";
  knownOptions(who, options, ["power", "coefficients", "normalizer", "n", "form"]);
  const { power, coefficients, normalizer = "visible", n, form = "auto" } = options;
  const once = power === undefined || coefficients === undefined;
  requireOption(once, who, "coefficients", coefficients, "power or coefficients, not both");
  requireOption(
    power === undefined || (isPositiveInteger(power) && power <= 12),
    who,
    "power",
    power,
    "a whole number from 1 to 12",
  );
  const list =
    coefficients === undefined ||
    (Array.isArray(coefficients) &&
      coefficients.length >= 1 &&
      coefficients.length <= 13 &&
      coefficients.every((c) => typeof c === "number" && Number.isFinite(c)) &&
      coefficients.some((c) => c !== 0));
  requireOption(list, who, "coefficients", coefficients, "1 to 13 finite numbers c_0, c_1, ..., not all 0");
  const known = normalizer === "visible" || normalizer === "fixed";
  requireOption(known, who, "normalizer", normalizer, '"visible" or "fixed"');
  const isN = normalizer === "fixed" ? isPositiveNumber(n) : n === undefined;
  requireOption(isN, who, "n", n, normalizer === "fixed" ? "a number above 0" : 'no n, unless normalizer is "fixed"');
  requireOption(["auto", "quadratic", "linear"].includes(form), who, "form", form, '"auto", "quadratic" or "linear"');
  const all = coefficients ?? [...Array<number>(power ?? 2).fill(0), 1];
  return { coefficients: all, fixed: n, form };
}

/** `"auto"` takes the linear form up to this many features: p = 1, p = 2 up to d = 64, p = 3 up to d = 22. */
const AUTO_FEATURES = 2080;

/** Returns whether a block of d channels without state, mask or bias takes the linear form. */
export const foldsKeys = ({ form, coefficients }: Polynomial, d: number): boolean =>
  form === "linear" || (form === "auto" && featureCount(coefficients, d) <= AUTO_FEATURES);

/** The largest |q| and |k| that keep `(q.k / sqrt(d))^p` below 1e32 in size. */
export function limitOf({ coefficients }: Polynomial, d: number): number {
  const p = Math.max(1, coefficients.length - 1);
  return Math.sqrt(10 ** (32 / p) / Math.sqrt(d));
}
