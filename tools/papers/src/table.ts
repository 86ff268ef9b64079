import type { Params, Values } from "./params.ts";

/** One finished cell with one seed. */
export interface Row {
  readonly params: Params;
  readonly seed: number;
  readonly values: Values;
}

/** The mean of a quantity over seeds and its spread. */
export interface Spread {
  readonly n: number;
  readonly mean: number;
  /** Sample standard deviation over seeds: the noise floor. 0 for one seed. */
  readonly deviation: number;
  /** 95 % interval of the mean by Student's t; the mean itself for one seed. */
  readonly low: number;
  readonly high: number;
}

/** The rows of one claim. */
export interface Table {
  readonly rows: readonly Row[];
  /** The rows whose parameters contain all of `where`. */
  where(where: Params): Table;
  /** The values of one column, in the order of seeds. Throws if there is none: a typing error is not an empty answer. */
  values(column: string): readonly number[];
  spread(column: string): Spread;
  /** The distinct values of a parameter, in order of appearance. */
  distinct<T extends string | number | boolean>(param: string): readonly T[];
}
