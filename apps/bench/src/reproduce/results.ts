import { Environment } from "@attnkit/measure/results";
import type { Outcome } from "@attnkit/papers/run";
import { z } from "zod";

/** A number as JSON can hold it: NaN and infinities are strings. */
const FloatNumber: z.ZodType<number, number | string> = z
  .union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"])])
  .transform(Number);

export const OutcomeLine: z.ZodType<Outcome> = z.object({
  experiment: z.string(),
  claim: z.string(),
  params: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  seed: z.number().int(),
  seconds: z.number(),
  values: z.record(z.string(), FloatNumber).optional(),
  error: z.string().optional(),
});

/** The choices of a run. Two runs with equal settings on the same commit measure the same. */
export const RunSettings = z.object({
  size: z.enum(["default", "full"]),
  seeds: z.array(z.number().int()).min(1),
  /** The rule of each chosen claim, by its name as `experiment/claim`: a rule stands before its measurement. */
  claims: z.record(z.string(), z.string()),
});
export type RunSettings = z.infer<typeof RunSettings>;

/** The format of a journal: a header line, and a line for every cell that is finished. */
export const JOURNAL = "attnkit-reproduce-journal/1";

export const Header = z.object({
  format: z.literal(JOURNAL),
  started: z.iso.datetime(),
  settings: RunSettings,
  /** The number of cells times seeds: a journal with as many different ones is complete. */
  jobs: z.number().int(),
  environment: Environment,
});
export type Header = z.infer<typeof Header>;

/** The format of a committed record: the outcomes of all claims of an experiment with the default settings. */
export const RECORD = "attnkit-papers-record/1";

export const PapersRecord = z.object({
  format: z.literal(RECORD),
  experiment: z.string(),
  started: z.iso.datetime(),
  finished: z.iso.datetime(),
  settings: RunSettings,
  environment: Environment,
  /** The verdict of each claim when it was measured. */
  rulings: z.record(z.string(), z.string()),
  outcomes: z.array(OutcomeLine),
});
export type PapersRecord = z.infer<typeof PapersRecord>;

/** JSON without spaces, in which NaN and infinities are strings. */
export const toJson = (value: unknown, indent?: number): string => JSON.stringify(value, finite, indent);

const finite = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
