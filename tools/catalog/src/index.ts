import type { Backend, DType } from "@attnkit/core";
import type { ExpectedFailure } from "@attnkit/core/conformance";
import { cpu } from "@attnkit/cpu";
import type { Kind } from "./mechanisms.ts";
import { ortOn } from "./ort.ts";
import { tfjsOn } from "./tfjs.ts";

export { type Adapter, adapterOf } from "./adapter.ts";
export { creator, type Kind, type MechanismEntry, mechanisms } from "./mechanisms.ts";
export { ortRuntime } from "./ort.ts";
export { tfjsOn } from "./tfjs.ts";

/** One column of the matrix. */
export interface BackendEntry {
  readonly name: string;
  readonly kind: Kind;
  /** The float types it can be made with, the default first. */
  readonly dtypes: readonly DType[];
  /** Where it is made and tested. */
  readonly places: readonly ("node" | "browser")[];
  /**
   * It shares a global with others (tfjs has one engine and one current backend): tests give it a file of its own, and the
   * command line runs it when it is named.
   */
  readonly alone?: boolean;
  /** What is known to fail on it, and why; what passes against expectation is a failure. */
  readonly expectedFailures?: readonly ExpectedFailure[];
  /** `create` takes a number of threads for one operation; the others compute with as many as they choose themselves. */
  readonly threads?: true;
  create(how?: { dtype?: DType; threads?: number }): Promise<Backend<unknown>>;
}

/** Every backend. A new one is one line here. */
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
