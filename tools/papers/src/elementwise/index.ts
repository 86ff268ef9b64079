import type { Experiment } from "../experiment.ts";

export const elementwise: Experiment = { name: "elementwise", summary: "", claims: [] };
