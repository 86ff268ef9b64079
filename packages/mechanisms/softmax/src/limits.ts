/** Finite, and so far out that no product of two channels of this size overflows float32. */
export const LIMIT = 1e17;
/** Below every score that `LIMIT` allows and above -Infinity; takes the place of scores that a row may not see. */
export const UNSEEN = -3.4028234663852886e38;
