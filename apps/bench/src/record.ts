import { Check, Environment, Gpu, Interval, Tiles, Timing } from "@attnkit/measure/results";
import { z } from "zod";

/** The schema name of a record. Its JSON Schema is `apps/bench/record/schema.json`. */
export const RECORD = "attnkit-record/3";

const seconds = z.number().nonnegative();

const Cell = z.object({
  id: z.string(),
  /** The backend's name in the catalog. */
  column: z.string(),
  /** `composition` and `operator`: what a user would run instead. `matmul` and `copy`: yardsticks of the device. */
  role: z.enum(["attnkit", "composition", "operator", "matmul", "copy"]),
  name: z.string(),
  dtype: z.string(),
  /** `refused`: does not run here. `failed`: a wrong answer or an error of attnkit. `cut`: does not fit into its time. */
  status: z.enum(["ok", "refused", "failed", "cut"]),
  /** Why it is not ok. */
  reason: z.string().optional(),
  note: z.string().optional(),
  checks: z.array(Check),
  ...Timing.shape,
  /** The interval of the median; null without samples. */
  interval: Interval.nullable(),
  /** Operations that the causal answer needs; null where they are not counted. */
  flops: z.number().nullable(),
  /** Bytes of keys and values that one call must read; of a copy, the bytes that it copies. */
  bytes: z.number().nullable(),
  gpu: Gpu.nullable(),
  /** Seconds that it took, upload and checks included. */
  spent: seconds,
});

const Group = z.object({
  name: z.string(),
  what: z.enum(["prefill", "decode", "linear-time", "training"]),
  sizes: z.object({ B: z.int(), H: z.int(), d: z.int(), length: z.int() }),
  /** Seconds that each cell may take. */
  seconds,
  cells: z.array(Cell),
});

const Finding = z.object({
  group: z.string(),
  kind: z.enum(["matmul", "operator", "composition", "copy", "half", "softmax"]),
  /** The ids of the two cells that are compared. */
  cell: z.string(),
  against: z.string(),
  /** The ratio with its 95 % interval: above 1, attnkit is faster, or does more per second. Null on a software adapter. */
  ratio: z.object({ value: z.number(), ...Interval.shape }).nullable(),
  /** The promise about the ratio: at least this. Null where nothing is promised. */
  promised: z.number().nullable(),
  says: z.string(),
});

const Model = z.object({
  name: z.string(),
  /** The result of `onnx.checker`: ok, its error, or null if the package is missing. */
  checker: z.string().nullable(),
  /** The largest difference from an expected output, in units of the allowed one; null if onnxruntime is missing or failed. */
  used: z.number().nullable(),
  /** The largest absolute difference. */
  difference: z.number().nullable(),
  error: z.string().nullable(),
});

const Table = z.object({
  /** The name of the file, without its folder. */
  file: z.string(),
  /** When its tuning began, and whether it measured every class of calls. */
  started: z.iso.datetime(),
  complete: z.boolean(),
  /** True if it was tuned on tiny calls, which measures nothing. */
  smoke: z.boolean(),
  tiles: Tiles,
});

export const PythonCheck = z.object({
  python: z.string(),
  /** Versions of the packages; null where one is missing. */
  packages: z.record(z.string(), z.string().nullable()),
  models: z.array(Model),
  says: z.string(),
});

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
  /** The tuned table whose tiles the kernels used; null: the portable tiles. */
  table: Table.nullable(),
  /** No cell began after this many seconds. */
  budget: seconds,
  groups: z.array(Group),
  findings: z.array(Finding),
  /** The exported models, checked by Python's packages; null if Python was not asked. */
  onnx: PythonCheck.nullable(),
});

export type Record = z.infer<typeof Record>;
export type RecordGroup = z.infer<typeof Group>;
export type RecordCell = z.infer<typeof Cell>;
export type Finding = z.infer<typeof Finding>;
export type PythonCheck = z.infer<typeof PythonCheck>;
