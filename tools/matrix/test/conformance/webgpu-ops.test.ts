import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { describe, vi } from "vitest";
import { runnerOf } from "../runner.ts";
import { poisonDevice } from "../webgpu/poison.ts";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000 });

const { name, create } = backends.find((b) => b.name === "webgpu")!;

/** No buffer is used twice, and each is full of NaN: an element that an operation leaves out, or reads too early, is seen. */
async function poisoned(): Promise<WebgpuBackend> {
  const { gpuDevice: device } = (await create()) as WebgpuBackend;
  poisonDevice(device);
  return webgpu({ device, poolBytes: 0 });
}

describe(`${name} in Node: operations`, () => {
  conformance(runnerOf(import.meta.url), { backend: poisoned, mechanisms: [] });
});
