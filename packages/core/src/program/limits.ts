import type { Ops } from "./ops.ts";

/** The float types that programs compute in. */
type Computed = Ops<unknown>["dtype"];

/** The largest finite number of each float type. */
const LARGEST: Readonly<Record<Computed, number>> = { float32: 3.4028234663852886e38, float64: Number.MAX_VALUE };

/** A quarter of the distance between `LARGEST` and the number below it. */
const REACH: Readonly<Record<Computed, number>> = { float32: 2 ** 102, float64: 2 ** 969 };

/** The lowest finite number of the float type: only -Infinity is below it. */
export const lowestFinite = (o: Pick<Ops<unknown>, "dtype">): number => -LARGEST[o.dtype];

/**
 * The largest size of a score. Any finite bias plus a score of this size rounds to a finite number, also where the bias
 * is the lowest or the largest of its type. (SEMANTICS S5)
 */
export const largestScore = (dtype: Computed): number => REACH[dtype];
