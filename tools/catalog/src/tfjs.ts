import { AttentionError, type Backend } from "@attnkit/core";
import type { Tf } from "@attnkit/tfjs";
import { webgpuDevice } from "@attnkit/tfjs/webgpu";
import { pinned } from "./pinned.ts";

type Name = "cpu" | "wasm" | "webgpu" | "webgl";

const packages: Readonly<Record<Name, (tf: Tf) => Promise<unknown>>> = {
  cpu: () => import("@tensorflow/tfjs-backend-cpu"),
  wasm: () => import("@tensorflow/tfjs-backend-wasm"),
  async webgl() {
    if (!("window" in globalThis))
      throw new AttentionError(
        "ATTN_UNSUPPORTED",
        "tfjs-webgl",
        "WebGL runs only in a browser, and this is Node. See tools/catalog/README.md for how to run it in Chromium",
      );
    return import("@tensorflow/tfjs-backend-webgl");
  },
  async webgpu(tf) {
    if (tf.findBackend("webgpu") !== null) return;
    // The device first: the package reads `navigator.gpu` while it is loaded.
    const { device, info } = await ("window" in globalThis ? webgpuDevice() : (await import("./dawn.ts")).dawnDevice());
    // WebGPU reports an invalid shader or dispatch only through this event, and continues without it. Here it ends the
    // run.
    device.addEventListener("uncapturederror", ({ error }) => {
      queueMicrotask(() => {
        throw new Error(`WebGPU: ${error.message}`);
      });
    });
    const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
    tf.removeBackend("webgpu");
    tf.registerBackend("webgpu", () => new WebGPUBackend(device, info));
  },
};

/**
 * Makes attnkit's backend on one tfjs backend. tfjs has one current backend per process, and the bench holds several:
 * each call makes this one current again. The tfjs packages are loaded on demand.
 */
export function tfjsOn(name: Name): Promise<Backend<unknown>> {
  const made = last.then(() => start(name));
  last = made.catch(() => {});
  return made;
}

/** Backends start one after the other: two at once would each take the other's current backend for their own. */
let last: Promise<unknown> = Promise.resolve();

async function start(name: Name): Promise<Backend<unknown>> {
  const tf = await import("@tensorflow/tfjs-core");
  await packages[name](tf);
  // Otherwise tfjs computes small tensors on the CPU, and tests and timings would be of the CPU.
  if (name === "webgpu" || name === "webgl") tf.env().set(`${name.toUpperCase()}_CPU_FORWARD`, false);
  if (!(await tf.setBackend(name))) throw new Error(`tfjs could not start its backend ${name}`);
  return pinned(tf, name);
}
