/** The file that a race exports. Its types are those of the race itself; tests read exports back through it. */
import { Check, Timing } from "@attnkit/measure/results";
import { z } from "zod";
import { SCHEMA } from "./schema.ts";

const count = z.int().nonnegative();
const seconds = z.number().nonnegative();
const backend = z.enum(["webgpu", "tfjs-webgpu", "tfjs-wasm", "cpu"]);
const what = z.enum(["prefill", "decode"]);

const Point = z.object({
  what,
  /** Tokens of a prefill; tokens in the state before a decoded one. */
  size: count,
  ...Timing.shape,
  /** Bytes of the state after `size` tokens. */
  stateBytes: count,
});

const Lane = z.object({
  id: z.string(),
  mechanism: z.string(),
  options: z.record(z.string(), z.unknown()),
  backend,
  /** A description of the device that computed; null until the backend was open. */
  adapter: z.string().nullable(),
  /** False for the processor and for software adapters: their times say nothing about a GPU. */
  hardware: z.boolean(),
  /** `waiting` until its answers were compared with the reference in this run. */
  status: z.enum(["waiting", "checked", "failed", "unavailable", "lost"]),
  reason: z.string().optional(),
  checks: z.array(Check),
  points: z.array(Point),
  /** Sizes that were not run, and why. */
  leftOut: z.array(z.object({ what, size: count, reason: z.string() })),
});

export const RaceResults = z.object({
  schema: z.literal(SCHEMA),
  /** False where the race was stopped. */
  complete: z.boolean(),
  started: z.iso.datetime(),
  finished: z.iso.datetime(),
  environment: z.object({ userAgent: z.string(), cores: count }),
  options: z.object({
    mechanisms: z.array(z.string()),
    backends: z.array(backend),
    sizes: z.array(count),
    heads: count,
    /** Channels of a head, of q, k and v alike. */
    dim: count,
    rounds: count,
    /** A call that is expected to take longer is left out. */
    limit: seconds,
    seed: z.int(),
  }),
  lanes: z.array(Lane),
});

export type RaceResults = z.infer<typeof RaceResults>;
export type RaceOptions = RaceResults["options"];
export type LaneResult = z.infer<typeof Lane>;
export type PointResult = z.infer<typeof Point>;
export type What = z.infer<typeof what>;
