import type { Experiment } from "../experiment.ts";
import { digitsClaim } from "./digits.ts";
import { duplicateClaim } from "./duplicate-task.ts";
import { normAtInitialisation } from "./norm-at-initialisation.ts";
import { normInTraining } from "./norm-in-training.ts";
import { scaleFalls } from "./scale-falls.ts";

/** Saratchandran et al. (2410.18613): powers of the scores in place of softmax. */
export const polynomial: Experiment = {
  name: "polynomial",
  summary: "Do powers of the scores replace softmax, and is the norm of the weights the reason?",
  claims: [normAtInitialisation(), normInTraining(), scaleFalls(), digitsClaim(), duplicateClaim()],
};
