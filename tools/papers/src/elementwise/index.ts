import type { Experiment } from "../experiment.ts";
import { argmaxShift } from "./argmax-shift.ts";
import { classification } from "./classification.ts";
import { decodeCost } from "./decode-cost.ts";
import { forecasting } from "./forecasting.ts";
import { oddOrder } from "./odd-order.ts";
import { taylorError } from "./taylor-error.ts";
import { trainingMemory } from "./training-memory.ts";
import { trainingTime } from "./training-time.ts";

export const elementwise: Experiment = {
  name: "elementwise",
  summary:
    "Where is the Taylor series of element-wise attention an approximation, what does it cost, and what does it learn?",
  claims: [
    taylorError(),
    argmaxShift(),
    oddOrder(),
    trainingMemory(),
    trainingTime(),
    decodeCost(),
    forecasting(),
    classification(),
  ],
};
