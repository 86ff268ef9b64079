/** Every backend. A new package is one line here; `node tools/repo/derive.mjs` writes what follows from it. */
export { about as cpu } from "@attnkit/cpu/about";
export { about as ort } from "./ort-backends.ts";
export { about as tfjs } from "./tfjs-backends.ts";
export { about as webgpu } from "./webgpu-backends.ts";
