import type { Mechanism } from "@attnkit/core";
import { elementwise } from "@attnkit/elementwise";
import { linear } from "@attnkit/linear";
import { logsumexp } from "@attnkit/logsumexp";
import { polynomial } from "@attnkit/polynomial";
import { softmax } from "@attnkit/softmax";

/** A mechanism of the recall claim. */
export interface Recaller {
  readonly mechanism: Mechanism;
  /** Factor on the first weights of q and k: large weights help where scores are exponentiated and hurt where they are raised to a power. */
  readonly scale: number;
  /** Numbers per head and channel of v in a state of constant size; absent for mechanisms that keep every key. */
  readonly features?: number;
}

/** Every mechanism of attnkit, for 16 channels per head. */
export const RECALLERS: Readonly<Record<string, Recaller>> = {
  softmax: { mechanism: softmax(), scale: 2 },
  "polynomial 3": { mechanism: polynomial({ power: 3, form: "quadratic" }), scale: 0.5, features: 816 },
  "polynomial 2": { mechanism: polynomial({ power: 2, form: "quadratic" }), scale: 0.5, features: 136 },
  "linear taylor2": { mechanism: linear({ featureMap: "taylor2" }), scale: 2, features: 153 },
  logsumexp: { mechanism: logsumexp(), scale: 2, features: 16 },
  "linear elu1": { mechanism: linear({ featureMap: "elu1" }), scale: 2, features: 16 },
  "linear relu": { mechanism: linear({ featureMap: "relu" }), scale: 2, features: 16 },
  "polynomial 1": { mechanism: polynomial({ power: 1 }), scale: 0.5, features: 16 },
  "elementwise 2": { mechanism: elementwise({ order: 2 }), scale: 1, features: 3 },
  "elementwise 6": { mechanism: elementwise({ order: 6 }), scale: 1, features: 7 },
  "elementwise exact": { mechanism: elementwise({ order: "exact" }), scale: 1 },
};
