import { backends } from "@attnkit/catalog";
import { conformance, type Item } from "@attnkit/core/conformance";
import { type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";
import { poisonDevice } from "../webgpu/poison.ts";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const entry = backends.find((b) => b.name === "webgpu")!;
const { name, create } = entry;
const dtype = "float16";

/** No buffer is used twice, and each is full of NaN: an element that an operation leaves out, or reads too early, is seen. */
async function poisoned(): Promise<WebgpuBackend> {
  const { gpuDevice: device } = (await create()) as WebgpuBackend;
  poisonDevice(device);
  return webgpu({ device, dtype, poolBytes: 0 });
}

describe(`${name} in Node, in half precision: operations`, () => {
  conformance(runnerOf(import.meta.url), {
    backend: poisoned,
    backendIn: (type) => create({ dtype: type }),
    mechanisms: [],
  });
});

/** Laws that depend on how tensors are stored. */
const LAWS = ["oracle", "partition", "key-mask", "state-round-trip", "diverged"];

const firstOf =
  (laws: readonly string[]) =>
  ({ law, case: n, mechanism }: Item) =>
    mechanism !== "ops" && n === 0 && laws.includes(law);

// One device for all mechanisms: a pipeline is compiled once per device.
describe(`${name} in Node, in half precision: mechanisms with their kernels`, async () => {
  const mechanisms = await rows(entry, "first");
  conformance(runnerOf(import.meta.url), { backend: () => create({ dtype }), mechanisms }, firstOf(LAWS));
});

describe(`${name} in Node, in half precision: portable programs`, async () => {
  // Kernels are chosen by kind: a backend of another kind has none.
  const mechanisms = await rows({ kind: "portable" }, "first");
  conformance(runnerOf(import.meta.url), { backend: () => create({ dtype }), mechanisms }, firstOf(["key-mask"]));
});
