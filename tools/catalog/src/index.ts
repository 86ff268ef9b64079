import type { Backend, DType } from "@attnkit/core";
import type { ExpectedFailure } from "@attnkit/core/conformance";
import { cpu } from "@attnkit/cpu";
import type { Kind } from "./mechanisms.ts";
import { ortOn } from "./ort.ts";
import { tfjsOn } from "./tfjs.ts";

export { type Adapter, adapterOf } from "./adapter.ts";
export { type Baseline, type BaselineEntry, type BaselineSizes, baselines } from "./baselines/index.ts";
export { type GpuUse, gpuUse, type Meter, meter } from "./gpu-meter.ts";
export { creator, type Kind, type MechanismEntry, mechanisms } from "./mechanisms.ts";

/** One column of the matrix: a backend and where it runs. */
export interface BackendEntry {
  readonly name: string;
  readonly kind: Kind;
  /** The float types that it supports, the default first. */
  readonly dtypes: readonly DType[];
  /** The places where it is made and tested. */
  readonly places: readonly ("node" | "browser")[];
  /**
   * The backend shares a global with others: tfjs has one engine and one current backend. Tests give it a file of its
   * own, and the command line runs it only if it is named.
   */
  readonly alone?: boolean;
  /**
   * Known failures on this backend, with reasons. A case that passes although it is listed here counts as a failure.
   */
  readonly expectedFailures?: readonly ExpectedFailure[];
  /** `create` takes a number of threads per operation. Other backends choose the number themselves. */
  readonly threads?: true;
  create(how?: { dtype?: DType; threads?: number }): Promise<Backend<unknown>>;
}

/** Every backend. A new backend is one entry here. */
export const backends: readonly BackendEntry[] = [
  {
    name: "cpu",
    kind: "cpu",
    dtypes: ["float32", "float64"],
    places: ["node", "browser"],
    create: async (how) => cpu(how?.dtype === "float64" ? { dtype: "float64" } : {}),
  },
  {
    name: "ort-cpu",
    kind: "onnx",
    dtypes: ["float32", "float64"],
    places: ["node"],
    alone: true,
    threads: true,
    create: (how) => ortOn("cpu", how),
  },
  {
    name: "ort-wasm",
    kind: "onnx",
    dtypes: ["float32"],
    places: ["node", "browser"],
    alone: true,
    threads: true,
    create: (how) => ortOn("wasm", { ...how, dtype: "float32" }),
  },
  {
    name: "ort-webgpu",
    kind: "onnx",
    dtypes: ["float32"],
    places: ["node", "browser"],
    alone: true,
    create: () => ortOn("webgpu"),
  },
  { name: "tfjs-cpu", kind: "tfjs", dtypes: ["float32"], places: ["node"], alone: true, create: () => tfjsOn("cpu") },
  { name: "tfjs-wasm", kind: "tfjs", dtypes: ["float32"], places: ["node"], alone: true, create: () => tfjsOn("wasm") },
  {
    name: "tfjs-webgpu",
    kind: "tfjs",
    dtypes: ["float32"],
    places: ["node", "browser"],
    alone: true,
    create: () => tfjsOn("webgpu"),
  },
  {
    name: "tfjs-webgl",
    kind: "tfjs",
    dtypes: ["float32"],
    places: ["browser"],
    alone: true,
    create: () => tfjsOn("webgl"),
  },
];
