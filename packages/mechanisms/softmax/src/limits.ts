import { largestScore, type Ops } from "@attnkit/core/program";

/** The size up to which no entry of q or k is limited, whatever the scale: that of the domain. */
const DOMAIN = 100;

/**
 * The size to which entries of q and k are limited: with d channels of this size no score leaves `reach`, so that it can
 * be added to any finite bias. In float32, with d = 64 and the default scale, it is 8e14; in float64 it is 1e145.
 */
export const limitOf = (dtype: Ops<unknown>["dtype"], d: number, scale: number): number =>
  Math.max(DOMAIN, Math.sqrt(largestScore(dtype) / (Math.max(1, d) * scale)));
