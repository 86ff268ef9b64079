import type { Experiment } from "../experiment.ts";

export const superiority: Experiment = { name: "superiority", summary: "", claims: [] };
