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
        "WebGL runs in a browser only; got Node, expected a page. tools/catalog/README.md says how to run it in Chromium",
      );
    return import("@tensorflow/tfjs-backend-webgl");
  },
  async webgpu(tf) {
    if (tf.findBackend("webgpu") !== null) return;
    // The device first: the package looks for `navigator.gpu` while it is loaded.
    const { device, info } = await ("window" in globalThis ? webgpuDevice() : (await import("./dawn.ts")).dawnDevice());
    // WebGPU reports a bad shader or dispatch to nobody and computes on with nothing: here that is the end of the run.
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
 * attnkit on one tfjs backend. tfjs has one current backend for everybody, and the bench holds several at a time: each
 * call makes this one current again. Loaded when asked for, because most users of the list want others.
 */
export function tfjsOn(name: Name): Promise<Backend<unknown>> {
  const made = last.then(() => start(name));
  last = made.catch(() => {});
  return made;
}

/** One start after the other: two at once would each take the other's current backend for their own. */
let last: Promise<unknown> = Promise.resolve();

async function start(name: Name): Promise<Backend<unknown>> {
  const tf = await import("@tensorflow/tfjs-core");
  await packages[name](tf);
  // Otherwise tfjs computes small tensors on the CPU, and a test or a timing would be one of the CPU.
  if (name === "webgpu" || name === "webgl") tf.env().set(`${name.toUpperCase()}_CPU_FORWARD`, false);
  if (!(await tf.setBackend(name))) throw new Error(`tfjs does not start its backend ${name}`);
  return pinned(tf, name);
}
