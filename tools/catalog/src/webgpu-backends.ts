import type { AboutBackend } from "@attnkit/core/backend";
import { webgpuDevice } from "@attnkit/tfjs/webgpu";
import { type FloatType, webgpu } from "@attnkit/webgpu";

/** `@attnkit/webgpu` on a device of its own: the adapter of the page, in Node the one that `useAdapter` selects. */
export const about: readonly AboutBackend[] = [
  {
    name: "webgpu",
    kind: "webgpu",
    dtypes: ["float32", "float16"],
    places: ["node", "browser"],
    testedOn: ["Dawn (Node, Chromium)", "wgpu (Deno)"],
    alone: true,
    async create({ dtype } = {}) {
      const { device } = await ("window" in globalThis ? webgpuDevice() : (await import("./dawn.ts")).dawnDevice());
      // WebGPU reports an invalid shader or dispatch only through this event, and continues without it. Here it ends the run.
      device.addEventListener("uncapturederror", ({ error }) => {
        queueMicrotask(() => {
          throw new Error(`WebGPU: ${error.message}`);
        });
      });
      return webgpu({ device, dtype: dtype as FloatType });
    },
  },
];
