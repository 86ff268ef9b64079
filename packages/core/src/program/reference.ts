/** A matrix in plain float64 numbers, one array per row. */
export type Matrix = readonly (readonly number[])[];

/** One head as the oracle sees it: everything shared by mechanisms (causality, masks, state, heads) is already decided. */
export interface Head {
  /** `[L][d]` */
  readonly q: Matrix;
  /** `[T][d]`: every key of the sequence so far, past ones first. */
  readonly k: Matrix;
  /** `[T][dv]` */
  readonly v: Matrix;
  /** Returns whether row i may attend to key j. */
  visible(i: number, j: number): boolean;
  /** Additive bias of row i and key j; 0 where none is given. Never -Infinity: such a key is not visible. */
  bias(i: number, j: number): number;
  /** Absolute position of query row i among the keys `0..T-1` (a window is measured from it). */
  position(i: number): number;
}

export interface HeadResult {
  /** `[L][dv]` */
  readonly y: number[][];
  /**
   * `[L][dv]`: how large the rounding error of each entry may be, in units of the unit roundoff u: the sum of the
   * absolute contributions to y, each times (1 + the size of the exponent or sum it was computed from). Infinity where
   * a float32 result is worth nothing (a denominator that cancels).
   */
  readonly scale: number[][];
  /** `[L]`, or `[L][d]` where the normaliser is per channel; absent where the mechanism has none. */
  readonly lse?: number[] | number[][];
  /** The rounding error of the normaliser, relative to it, in units of u. It has the shape of `lse`. */
  readonly lseScale?: number[] | number[][];
}

/** A mechanism's formula as its paper writes it, in float64 loops over one head. Shares no code with the program. */
export type Reference = (head: Head) => HeadResult;
