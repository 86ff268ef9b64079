import { uniforms } from "./random.ts";

/** A confidence interval. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** Samples of two subjects that were taken in pairs: element i of both in the same round. */
export interface Pairs {
  readonly own: readonly number[];
  readonly other: readonly number[];
}

/** The settings of a bootstrap. */
export interface Bootstrap {
  /** The probability that the interval holds the true value, between 0 and 1. Default 0.95. */
  readonly level?: number;
  /** The number of resamples. Default 2000, and at least 4 beyond each end of the interval. */
  readonly resamples?: number;
  /** The seed of the resampling. Default 1: equal samples give equal intervals. */
  readonly seed?: number;
}

/** The fewest samples that have an interval of their median: with two, it would be their range. */
const FEWEST = 3;

/** The widest 95 % interval of a readable number, as a share of the number. */
const WIDEST = 0.3;

/** The rule of `readable` in a sentence, for footnotes. */
export const RULE: string =
  `A number is marked "noisy" and not ranked if its 95 % interval is wider than ${100 * WIDEST} % of it, ` +
  `or if it has fewer than ${FEWEST} samples`;

/**
 * Returns whether a number can be read: at least three samples, and a 95 % interval no wider than 30 % of the number.
 * Numbers that cannot be read are marked and not ranked.
 */
export const readable = (value: number, { low, high }: Bounds, samples: number): boolean =>
  samples >= FEWEST && high - low <= WIDEST * value;

/** Returns the bootstrap interval of the median of samples (percentile method, Efron and Tibshirani 1993, section 13.3). */
export function medianInterval(samples: readonly number[], how: Bootstrap = {}): Bounds {
  const draw = resampler(how.seed);
  const buffer = new Float64Array(samples.length);
  return percentiles(how, () => {
    for (let i = 0; i < buffer.length; i++) buffer[i] = samples[draw(samples.length)]!;
    return middle(buffer);
  });
}

/** Returns `median(own) / median(other)`, and the geometric mean of such ratios over several groups of pairs. */
export function ratioOfMedians(groups: readonly Pairs[]): number {
  const logs = groups.map(({ own, other }) =>
    Math.log(middle(Float64Array.from(own)) / middle(Float64Array.from(other))),
  );
  return Math.exp(logs.reduce((a, b) => a + b, 0) / logs.length);
}

/**
 * Returns the bootstrap interval of `ratioOfMedians`. It draws rounds, each with both of its samples, because whatever
 * slowed the machine in a round slowed both. Each group is resampled by itself.
 */
export function ratioInterval(groups: readonly Pairs[], how: Bootstrap = {}): Bounds {
  const draw = resampler(how.seed);
  const buffers = groups.map(({ own }) => [new Float64Array(own.length), new Float64Array(own.length)] as const);
  return percentiles(how, () => {
    let sum = 0;
    for (const [g, { own, other }] of groups.entries()) {
      const [a, b] = buffers[g]!;
      for (let i = 0; i < a.length; i++) {
        const at = draw(a.length);
        a[i] = own[at]!;
        b[i] = other[at]!;
      }
      sum += Math.log(middle(a) / middle(b));
    }
    return Math.exp(sum / groups.length);
  });
}

function percentiles({ level = 0.95, resamples = 2000 }: Bootstrap, value: () => number): Bounds {
  const tail = (1 - level) / 2;
  const count = Math.max(resamples, Math.ceil(4 / tail));
  const values = Float64Array.from({ length: count }, value).sort();
  const beyond = Math.floor(tail * count);
  return { low: values[beyond]!, high: values[count - 1 - beyond]! };
}

const resampler = (seed = 1): ((n: number) => number) => {
  const uniform = uniforms(seed);
  return (n) => Math.floor(uniform() * n);
};

/** Sorts `x` in place and returns its median. */
function middle(x: Float64Array): number {
  x.sort();
  const half = x.length >> 1;
  return x.length % 2 === 1 ? x[half]! : (x[half - 1]! + x[half]!) / 2;
}
