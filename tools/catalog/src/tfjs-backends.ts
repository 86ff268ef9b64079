import type { AboutBackend } from "@attnkit/core/backend";
import { tfjsOn } from "./tfjs.ts";

const common = { kind: "tfjs", hosts: ["webgpu"], dtypes: ["float32"], alone: true } as const;

/** `@attnkit/tfjs` on each backend of TensorFlow.js. */
export const about: readonly AboutBackend[] = [
  { ...common, name: "tfjs-cpu", places: ["node"], create: () => tfjsOn("cpu") },
  { ...common, name: "tfjs-wasm", places: ["node"], create: () => tfjsOn("wasm") },
  { ...common, name: "tfjs-webgpu", places: ["node", "browser"], create: () => tfjsOn("webgpu") },
  { ...common, name: "tfjs-webgl", places: ["browser"], create: () => tfjsOn("webgl") },
];
