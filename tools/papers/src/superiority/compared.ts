import { linear } from "@attnkit/linear";
import { softmax } from "@attnkit/softmax";
import type { Units } from "./network.ts";

/** The two attention layers that the paper compares: `exp` of the scores, and the scores themselves, both normalised. */
export interface Compared {
  readonly softmax: Units;
  readonly linear: Units;
}

/** attnkit's mechanisms as the paper defines them: no 1 / sqrt(d), and the identity in place of exp. */
export const ATTNKIT: Compared = {
  softmax: { mechanism: softmax({ scale: 1 }) },
  linear: { mechanism: linear({ featureMap: "identity" }) },
};
