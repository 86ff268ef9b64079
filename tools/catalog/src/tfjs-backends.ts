import type { AboutBackend } from "@attnkit/core/backend";
import { tfjsOn } from "./tfjs.ts";

/** `@attnkit/tfjs` on each backend of TensorFlow.js. */
export const about: readonly AboutBackend[] = [
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
