import { pinned } from "@attnkit/catalog/pinned";
import { webgpuDevice } from "@attnkit/tfjs/webgpu";
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import * as tf from "@tensorflow/tfjs-core";
import type { OpenBackend } from "./device.ts";
import { limitsOf } from "./limits.ts";
import { describeAdapter } from "./probe.ts";

/** A device of our own, so that its loss is noticed and that a second one can follow the first. */
export async function openTfjsWebgpu(): Promise<OpenBackend> {
  const { device, info } = await webgpuDevice();
  // tfjs registers a factory when it is imported, and would warn about a second one.
  tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", () => new WebGPUBackend(device, info), 3);
  // Otherwise tfjs computes small tensors on the processor.
  tf.env().set("WEBGPU_CPU_FORWARD", false);
  if (!(await tf.setBackend("webgpu"))) throw new Error("tfjs does not start its WebGPU backend");
  return {
    name: "tfjs-webgpu",
    backend: pinned(tf, "webgpu"),
    ...describeAdapter(info),
    features: [...device.features].sort(),
    limits: limitsOf(device.limits),
    tf,
    activate: () => void tf.setBackend("webgpu"),
    lost: device.lost.then(({ message, reason }) => message || reason),
  };
}
