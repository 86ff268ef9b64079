import { backends } from "@attnkit/catalog";
import { conformance, type Item } from "@attnkit/core/conformance";
import { type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";
import { poisonDevice } from "../webgpu/poison.ts";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000 });

const { name, create } = backends.find((b) => b.name === "webgpu")!;
// Kernels are chosen by kind: a backend of another kind has none.
const mechanisms = await rows({ kind: "portable" }, "first");

/** No buffer is used twice, and each is full of NaN: an element that an operation leaves out, or reads too early, is seen. */
async function poisoned(): Promise<WebgpuBackend> {
  const { gpuDevice: device } = (await create()) as WebgpuBackend;
  poisonDevice(device);
  return webgpu({ device, poolBytes: 0 });
}

/** Programs consist of operations, which are tested in full. These laws have special values, long sums and several calls. */
const LAWS = ["partition", "key-mask", "merge", "empty-rows", "no-leak", "far-bias", "diverged", "long", "gradient"];

const chosen = ({ law, case: n, mechanism }: Item) => mechanism !== "ops" && n === 0 && LAWS.includes(law);

describe(`${name} in Node: portable programs`, () => {
  // One device for all of them: a pipeline is compiled once per device.
  conformance(runnerOf(import.meta.url), { backend: poisoned, mechanisms }, chosen);
});
