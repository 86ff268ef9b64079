import {
  declareOptions,
  numberOption,
  numbersOption,
  type OptionDeclarations,
  type OptionsOf,
  type Window,
} from "@attnkit/core/program";

/** Distances in positions; -1, null and Infinity are unlimited. */
type Sides = readonly [left: number | null, right: number | null];

const isSide = (n: unknown) =>
  n === null || n === -1 || n === Number.POSITIVE_INFINITY || (Number.isInteger(n) && (n as number) >= 0);

const table = {
  scale: numberOption({ absent: "1 / sqrt(d)" }, "multiplies q.k"),
  softcap: numberOption({ above: 0 }, "replaces each score s by softcap * tanh(s / softcap), before bias and masks"),
  window: numbersOption<Sides>(
    {
      expected: "[left, right], each a whole number >= 0, or -1 or null for unlimited",
      accepts: (x): x is Sides => Array.isArray(x) && x.length === 2 && x.every(isSide),
    },
    "lets row i see key j only if i - left <= j <= i + right, in absolute positions",
  ),
};

export type SoftmaxOptions = OptionsOf<typeof table>;

/** The options of softmax attention as data. */
export const softmaxOptions: OptionDeclarations<typeof table> = declareOptions("softmax", table);

/** Distances in positions, Infinity where there is no limit. */
export function windowOf({ window }: SoftmaxOptions): Window | undefined {
  if (window === undefined) return undefined;
  const side = (n: number | null) => (n === null || n === -1 ? Number.POSITIVE_INFINITY : n);
  return [side(window[0]), side(window[1])];
}
