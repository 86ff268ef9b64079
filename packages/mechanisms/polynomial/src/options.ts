import {
  choiceOption,
  declareOptions,
  numberOption,
  numbersOption,
  type OptionDeclarations,
  type OptionsOf,
} from "@attnkit/core/program";

const isCoefficients = (x: unknown): x is readonly number[] =>
  Array.isArray(x) && x.length >= 1 && x.length <= 13 && x.every(Number.isFinite) && x.some((c) => c !== 0);

const table = {
  power: numberOption({ from: 1, to: 12, multipleOf: 1, absent: "2" }, "is p of the weight s^p, s = q.k / sqrt(d)"),
  coefficients: numbersOption(
    { expected: "1 to 13 finite numbers c_0, c_1, ..., not all 0", accepts: isCoefficients },
    "makes sum_m c_m s^m the weight, instead of power",
  ),
  normalizer: numberOption(
    { above: 0, words: ["visible"], default: "visible" },
    'is N of the factor 1 / sqrt(N): "visible" counts the keys that the row may attend to; the paper takes the sequence length',
  ),
  form: choiceOption(
    ["auto", "quadratic", "linear"],
    'keeps every key ("quadratic") or a sum of r features ("linear"); "auto" is linear if r <= 2080 and no mask or bias is given',
  ),
};

export type PolynomialOptions = OptionsOf<typeof table>;

/** The options of polynomial attention as data. */
export const polynomialOptions: OptionDeclarations<typeof table> = declareOptions(
  "polynomial",
  table,
  ({ power, coefficients }) =>
    power !== undefined && coefficients !== undefined ? ["coefficients", "power or coefficients, not both"] : undefined,
);

/** Options with defaults: the weight of a score s is `sum_m coefficients[m] s^m / sqrt(N)`. */
export interface Polynomial {
  readonly coefficients: readonly number[];
  /** N, or undefined where it is the number of visible keys. */
  readonly fixed: number | undefined;
  readonly form: "auto" | "quadratic" | "linear";
}

/** Throws `ATTN_OPTION`. */
export function resolve(options: PolynomialOptions): Polynomial {
  const { power = 2, coefficients, normalizer, form } = polynomialOptions.resolve(options);
  const all = coefficients ?? [...Array<number>(power).fill(0), 1];
  return { coefficients: all, fixed: normalizer === "visible" ? undefined : normalizer, form };
}

/** The largest |q| and |k| that keep `(q.k / sqrt(d))^p` below 1e32 in size. */
export function limitOf({ coefficients }: Polynomial, d: number): number {
  const p = Math.max(1, coefficients.length - 1);
  return Math.sqrt(10 ** (32 / p) / Math.sqrt(d));
}
