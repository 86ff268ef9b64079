import type { Params } from "../experiment.ts";
import { type Data, type Matrix, tokens, unit } from "./datasets.ts";
import { attend, fires, type Signs, type Units } from "./network.ts";

/** Networks per seed: each has its own random signs. */
export const TRIALS = 100;

/** D0 has this `a`, from the interval (0, 0.1). */
export const A0 = 0.01;

/** The pair of data sets, by all that they share and the `a` of D1. */
export interface Pair extends Omit<Data, "a"> {
  readonly a1: number;
}

export interface Separation {
  /** The share of networks with F(D1) > 0 and F(D0) = 0. */
  readonly success: number;
  /** The share with F(D0) > 0: false alarms. */
  readonly firesOnD0: number;
  readonly firesOnD1: number;
  /** The weight that query `at` gives to the marked key of D1. */
  readonly weight: number;
}

/**
 * Measures how often networks with these units tell D1 from D0. `queriesOf` makes the queries from the keys, and `at` is
 * the place of the query with the marker among them.
 */
export function separation(
  units: Units,
  { a1, ...shared }: Pair,
  signs: Signs,
  queriesOf: (keys: Matrix) => { readonly queries: Matrix; readonly at: number },
): Separation {
  const threshold = (shared.c + 0.1) * unit(shared.n);
  const on = (a: number) => {
    const keys = tokens({ ...shared, a });
    const { queries, at } = queriesOf(keys);
    const { mixed, onMarked } = attend(units, queries, keys, shared.marked);
    return { fired: fires(mixed, signs, threshold), weight: onMarked[at]! };
  };
  const [d0, d1] = [on(A0), on(a1)];
  const share = (holds: (trial: number) => boolean) => d1.fired.filter((_, t) => holds(t)).length / signs.trials;
  return {
    success: share((t) => d1.fired[t]! && !d0.fired[t]!),
    firesOnD0: share((t) => d0.fired[t]!),
    firesOnD1: share((t) => d1.fired[t]!),
    weight: d1.weight,
  };
}

/** The limit of softmax's success for large n and d: one of m sign vectors is + on the marker and on the last channel. */
export const expectedSuccess = (m: number): number => 1 - 0.75 ** m;

/** Returns a seed of its own for each cell, so that the points of a figure do not share their networks. */
export function seedOf(seed: number, params: Params): number {
  const numbers = Object.values(params).filter((x) => typeof x === "number");
  return numbers.reduce((hash, x) => (Math.imul(hash, 31) + Math.round(100 * x)) | 0, Math.imul(seed, 1_000_003));
}
