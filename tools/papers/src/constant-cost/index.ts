import type { Experiment } from "../experiment.ts";

export const constantCost: Experiment = { name: "constant-cost", summary: "", claims: [] };
