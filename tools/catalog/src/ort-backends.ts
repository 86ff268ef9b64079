import type { AboutBackend } from "@attnkit/core/backend";
import { ortOn } from "./ort.ts";

/** `@attnkit/onnx` on each execution provider of ONNX Runtime that its packages for Node and for pages have. */
export const about: readonly AboutBackend[] = [
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
];
