import { pinned } from "@attnkit/catalog/pinned";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import plain from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url";
import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
import threaded from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url";
import * as tf from "@tensorflow/tfjs-core";
import type { OpenBackend } from "./device.ts";
import { onProcessor } from "./probe.ts";

export async function openWasm(): Promise<OpenBackend> {
  // From this page, not from a content network.
  setWasmPaths({
    "tfjs-backend-wasm.wasm": plain,
    "tfjs-backend-wasm-simd.wasm": simd,
    "tfjs-backend-wasm-threaded-simd.wasm": threaded,
  });
  if (!(await tf.setBackend("wasm"))) throw new Error("tfjs does not start its WebAssembly backend");
  const backend = pinned(tf, "wasm");
  const features = Object.entries({ simd: "WASM_HAS_SIMD_SUPPORT", threads: "WASM_HAS_MULTITHREAD_SUPPORT" });
  const has = await Promise.all(features.map(async ([name, flag]) => ((await tf.env().getAsync(flag)) ? [name] : [])));
  return {
    name: "tfjs-wasm",
    backend,
    ...onProcessor["tfjs-wasm"],
    features: has.flat(),
    limits: {},
    tf,
    activate: () => void tf.setBackend("wasm"),
    lost: new Promise(() => {}),
  };
}
