import { Environment, Results } from "@attnkit/measure/results";
import { z } from "zod";

/** The schema name of a record. Its JSON Schema is `apps/bench/record/schema.json`. */
export const RECORD = "attnkit-record/1";

export const Record = z.object({
  schema: z.literal(RECORD),
  complete: z.boolean(),
  started: z.iso.datetime(),
  finished: z.iso.datetime(),
  /** True for a trial with tiny sizes, which measures nothing. */
  smoke: z.boolean(),
  environment: Environment,
  /** Versions of tfjs, ONNX Runtime and Dawn. */
  versions: z.record(z.string(), z.string()),
  /** The GPUs and their driver as `nvidia-smi` reports them; null if that program does not exist. */
  driver: z.string().nullable(),
  /** The WebGPU adapter of each backend. Times on a software adapter say nothing about a GPU. */
  adapters: z.record(z.string(), z.object({ name: z.string(), software: z.boolean() })),
  runs: z.array(z.object({ name: z.string(), says: z.string(), results: Results })),
});

export type Record = z.infer<typeof Record>;
