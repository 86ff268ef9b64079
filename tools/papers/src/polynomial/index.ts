import type { Experiment } from "../experiment.ts";

export const polynomial: Experiment = { name: "polynomial", summary: "", claims: [] };
