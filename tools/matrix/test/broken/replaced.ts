import type { EagerOps } from "@attnkit/core/program";
import type { NdArray } from "@attnkit/cpu";

/** A mistake in single operations. */
export interface BrokenOp {
  readonly name: string;
  readonly law: string;
  /** Returns the replaced operations, given the right ones. */
  replace(right: EagerOps<NdArray>): Partial<EagerOps<NdArray>>;
}

/** An array with every entry changed. */
export const edit = (x: NdArray, change: (value: number, i: number) => number): NdArray => ({
  shape: x.shape,
  data: x.data.map(change),
});

export const fill = (x: NdArray, value: number): NdArray => edit(x, () => value);
