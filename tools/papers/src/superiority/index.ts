import type { Experiment } from "../experiment.ts";
import { crossAttention, selfAttention } from "./attention-claim.ts";
import { degree } from "./degree.ts";
import { recall } from "./recall.ts";
import { transition } from "./transition.ts";

/** Deng et al. (2310.11685) and its sibling on polynomials (2310.20051). */
export const superiority: Experiment = {
  name: "superiority",
  summary:
    "Does softmax attention separate what linear attention cannot, on constructed data and in associative recall?",
  claims: [selfAttention(), crossAttention(), transition(), degree(), recall()],
};
