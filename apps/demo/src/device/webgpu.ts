import { webgpuDevice } from "@attnkit/tfjs/webgpu";
import { webgpu } from "@attnkit/webgpu";
import type { OpenBackend } from "./device.ts";
import { limitsOf } from "./limits.ts";
import { describeAdapter } from "./probe.ts";

/** `@attnkit/webgpu` on a device of its own. */
export async function openWebgpu(): Promise<OpenBackend> {
  const { device, info } = await webgpuDevice();
  return {
    name: "webgpu",
    backend: webgpu({ device }),
    ...describeAdapter(info),
    features: [...device.features].sort(),
    limits: limitsOf(device.limits),
    activate() {},
    lost: device.lost.then(({ message, reason }) => message || reason),
  };
}
