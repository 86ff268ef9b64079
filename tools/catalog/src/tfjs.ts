import type { Backend } from "@attnkit/core";
import { tfjs } from "@attnkit/tfjs";

const packages = {
  cpu: () => import("@tensorflow/tfjs-backend-cpu"),
  wasm: () => import("@tensorflow/tfjs-backend-wasm"),
  webgpu: () => import("@tensorflow/tfjs-backend-webgpu"),
};

/** attnkit on one tfjs backend, which becomes tfjs's current one. Loaded when asked for: most users of the list want others. */
export async function tfjsOn(name: keyof typeof packages): Promise<Backend<unknown>> {
  const tf = await import("@tensorflow/tfjs-core");
  await packages[name]();
  // Otherwise tfjs computes small tensors on the CPU, and a test or a timing would be one of the CPU.
  if (name === "webgpu") tf.env().set("WEBGPU_CPU_FORWARD", false);
  if (!(await tf.setBackend(name))) throw new Error(`tfjs does not start its backend ${name}`);
  return tfjs({ tf }) as Backend<unknown>;
}
