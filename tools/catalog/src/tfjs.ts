import type { Backend } from "@attnkit/core";
import { tfjs } from "@attnkit/tfjs";

const packages = {
  cpu: () => import("@tensorflow/tfjs-backend-cpu"),
  wasm: () => import("@tensorflow/tfjs-backend-wasm"),
};

/** attnkit on one tfjs backend, which becomes tfjs's current one. Loaded when asked for: most users of the list want others. */
export async function tfjsOn(name: keyof typeof packages): Promise<Backend<unknown>> {
  const tf = await import("@tensorflow/tfjs-core");
  await packages[name]();
  if (!(await tf.setBackend(name))) throw new Error(`tfjs does not start its backend ${name}`);
  return tfjs({ tf }) as Backend<unknown>;
}
