import type { Experiment } from "../experiment.ts";
import { equalsQuadratic } from "./equals-quadratic.ts";
import { initialState } from "./initial-state.ts";
import { languageModelClaim } from "./language-model.ts";
import { recallBesideLoss } from "./recall-beside-loss.ts";
import { stateBytes } from "./state-bytes.ts";
import { timePerToken } from "./time-per-token.ts";

export const constantCost: Experiment = {
  name: "constant-cost",
  summary: "Does log-sum-exp attention decode at constant cost, what does it compute, and what does it learn?",
  claims: [timePerToken, stateBytes, equalsQuadratic, initialState, languageModelClaim, recallBesideLoss],
};
