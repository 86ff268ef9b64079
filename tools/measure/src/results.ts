import { CALL_CLASSES } from "@attnkit/wgsl";
import { z } from "zod";

/** The schema name of a results file. `attnkit bench --resume` refuses other files. */
export const SCHEMA = "attnkit-bench/4";

const count = z.int().nonnegative();
const seconds = z.number().nonnegative();
/** The result of a comparison with the reference. */
export const Check = z.object({
  /**
   * `oracle`: every entry of two blocks with state. `prefill`, `decode`: sampled rows of the length that is timed. `gradient`:
   * gradients of sampled rows.
   */
  what: z.enum(["oracle", "prefill", "decode", "gradient"]),
  size: count,
  rows: count,
  /** The largest |error| / allowed error; null if an entry is not finite. */
  used: z.number().nullable(),
  passed: z.boolean(),
  detail: z.string().optional(),
});

/**
 * A 95 % bootstrap interval. `readable` is false if it is too wide to be read (see `readable` in `bootstrap.ts`): the
 * value is then marked and not ranked.
 */
export const Interval = z.object({ low: z.number(), high: z.number(), readable: z.boolean() });

/** The samples of one size and their summary. */
export const Timing = z.object({
  /** Calls per sample. A sample is their mean. */
  calls: count,
  /** Seconds per call, for every sample, in the order they were taken. A call is a whole prefill, or one decoded token. */
  samples: z.array(seconds),
  median: seconds,
  /** The first and third quartile. */
  q1: seconds,
  q3: seconds,
});

const Cost = z.object({ ops: count, flops: count, bytes: count, largest: count });

/** GPU use of one call: dispatches, bytes of its inputs, and peak bytes of the buffers that it added. */
export const Gpu = z.object({ dispatches: count, inputs: count, added: count });

/** The interval of the median; null until all samples were taken. */
const interval = Interval.nullable();

const Prefill = z.object({
  length: count,
  ...Timing.shape,
  interval,
  cost: Cost,
  /** Operations that the causal result needs. `cost` counts those of the portable program. */
  work: z.number().nonnegative(),
  /** Null if there is no GPU that can be metered. */
  gpu: Gpu.nullable(),
});

const Decode = z.object({
  /** Tokens in the state. */
  context: count,
  ...Timing.shape,
  interval,
  cost: Cost,
  stateBytes: count,
  gpu: Gpu.nullable(),
});

const Memory = z.object({
  length: count,
  /**
   * Bytes: the resident set of a fresh process with the inputs in place and the code warm, and its peak during one
   * prefill.
   */
  before: count,
  peak: count,
  growth: count,
  /**
   * The growth by a prefill of a few tokens in the same process: the part that does not depend on the length, and
   * noise.
   */
  floor: count,
  /** True if the growth is large enough, compared with the cell's floors, to be compared with other lengths. */
  resolved: z.boolean(),
});

const Fit = z.object({ exponent: z.number(), error: z.number(), from: count, to: count, points: count });

/** The median time of one cell divided by that of another. */
const Ratio = z.object({
  cell: z.string(),
  against: z.string(),
  what: z.enum(["prefill", "decode"]),
  size: count,
  /** Rounds in which both were sampled, one shortly after the other. The interval is that of pairs. */
  rounds: count,
  /** Null on a software adapter, where times have no meaning. */
  ratio: z.object({ value: z.number(), ...Interval.shape }).nullable(),
});

const Cell = z.object({
  id: z.string(),
  /**
   * Null for a cell of attnkit. Otherwise the baseline's name, and the mechanisms it is compared with; null for all of
   * them.
   */
  baseline: z.object({ name: z.string(), beside: z.array(z.string()).nullable() }).nullable(),
  mechanism: z.string(),
  options: z.record(z.string(), z.unknown()),
  backend: z.string(),
  device: z.string(),
  /** The number of threads that one operation may use; null if the backend takes no number. */
  threads: z.int().positive().nullable(),
  /** The WebGPU adapter; null if none is used. */
  adapter: z.object({ name: z.string(), software: z.boolean() }).nullable(),
  dtype: z.string(),
  /**
   * `unchecked`: not yet compared with the reference in this run. `refused`: a baseline that was wrong or does not run.
   */
  status: z.enum(["unchecked", "ok", "failed", "unsupported", "refused"]),
  reason: z.string().optional(),
  checks: z.array(Check),
  prefill: z.array(Prefill),
  decode: z.array(Decode),
  /** Sorted by length, ascending. */
  memory: z.array(Memory),
  /** Growth exponents of the times, and of `memory[].growth - memory[].floor` over the resolved lengths. */
  growth: z.object({ prefill: Fit.nullable(), decode: Fit.nullable(), memory: Fit.nullable() }),
});

const PlanItem = z.object({
  cell: z.string(),
  what: z.enum(["prefill", "decode", "memory"]),
  size: count,
  calls: count,
  rounds: count,
  /** Predicted seconds. */
  seconds,
});

const LeftOut = z.object({
  cell: z.string(),
  what: z.enum(["prefill", "decode", "memory"]),
  size: count,
  seconds,
  reason: z.string(),
});

export const Environment = z.object({
  cpu: z.string(),
  cores: count,
  memory: count,
  platform: z.string(),
  arch: z.string(),
  node: z.string(),
  v8: z.string(),
  packages: z.record(z.string(), z.string()),
  /** The repository's commit, with `+changes` if files differ from it; null outside a repository. */
  commit: z.string().nullable(),
});

const Way = z.union([
  z.strictObject({ rows: count, rowGroups: count, columnGroups: count, slice: count }),
  z.strictObject({ threads: count, lanes: count, keys: count }),
]);
/** Tiles by adapter and class of calls: the table that `useTiles` of `@attnkit/wgsl` takes. */
export const Tiles = z.record(z.string(), z.partialRecord(z.enum(CALL_CLASSES), Way));

const BenchOptions = z.object({
  mechanism: z.string().nullable(),
  backend: z.string().nullable(),
  dtype: z.string().nullable(),
  heads: count,
  kvHeads: count,
  dim: count,
  lengths: z.array(count),
  contexts: z.array(count),
  seed: z.int(),
  rounds: count,
  budget: seconds,
  kernels: z.enum(["prefer", "require", "never"]),
  baselines: z.boolean(),
  /** The largest tensor that a program may make, in bytes. */
  largest: z.number().positive(),
  /** The number of lengths per cell, from the longest down, whose peak memory is measured. */
  memory: count,
  /** Threads per operation, for backends and baselines that take a number. */
  threads: z.int().positive(),
  text: z.string().nullable(),
  tensors: z.string().nullable(),
  /** The tiles of the kernels on WebGPU. Absent: the portable ones. */
  tiles: Tiles.optional(),
});

const Measured = z.object({ largest: z.number(), deviation: z.number() });

export const Results = z.object({
  schema: z.literal(SCHEMA),
  complete: z.boolean(),
  started: z.iso.datetime(),
  finished: z.iso.datetime(),
  environment: Environment,
  options: BenchOptions,
  input: z.object({
    source: z.string(),
    sha256: z.string(),
    shapes: z.record(z.string(), z.array(count)),
    q: Measured,
    k: Measured,
    v: Measured,
  }),
  /** The measurements planned within the time budget, decided from pilot timings; null before that. */
  plan: z.object({ items: z.array(PlanItem), leftOut: z.array(LeftOut) }).nullable(),
  /** Backends that this machine does not have. */
  unavailable: z.array(z.object({ backend: z.string(), reason: z.string() })),
  cells: z.array(Cell),
  ratios: z.array(Ratio),
});

export type Results = z.infer<typeof Results>;
export type CellResult = z.infer<typeof Cell>;
export type Interval = z.infer<typeof Interval>;
export type GpuResult = z.infer<typeof Gpu>;
export type Ratio = z.infer<typeof Ratio>;
export type CheckResult = z.infer<typeof Check>;
export type PrefillResult = z.infer<typeof Prefill>;
export type MemoryResult = z.infer<typeof Memory>;
export type DecodeResult = z.infer<typeof Decode>;
export type PlanItem = z.infer<typeof PlanItem>;
export type LeftOut = z.infer<typeof LeftOut>;
export type BenchOptions = z.infer<typeof BenchOptions>;
export type Environment = z.infer<typeof Environment>;
