import { z } from "zod";
import { Environment, Results } from "./results.ts";

/** What a record is; its JSON Schema is `apps/bench/record/schema.json`. */
export const RECORD = "attnkit-record/1";

export const Record = z.object({
  schema: z.literal(RECORD),
  complete: z.boolean(),
  started: z.iso.datetime(),
  finished: z.iso.datetime(),
  /** Sizes of a trial: nothing in it is a measurement. */
  smoke: z.boolean(),
  environment: Environment,
  /** Of everything that computes: tfjs, ONNX Runtime, Dawn. */
  versions: z.record(z.string(), z.string()),
  /** The GPUs and their driver as `nvidia-smi` names them; null where there is no such program. */
  driver: z.string().nullable(),
  /** The WebGPU adapter of each backend. A software adapter's times say nothing about a GPU. */
  adapters: z.record(z.string(), z.object({ name: z.string(), software: z.boolean() })),
  runs: z.array(z.object({ name: z.string(), says: z.string(), results: Results })),
});

export type Record = z.infer<typeof Record>;
