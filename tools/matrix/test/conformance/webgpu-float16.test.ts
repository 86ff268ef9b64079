import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
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

describe(`${name} in Node, in half precision: mechanisms with their kernels`, async () => {
  for (const row of await rows(entry, "first"))
    for (const law of LAWS) {
      const filter = { mechanism: row.mechanism.name, law, case: 0 };
      conformance(runnerOf(import.meta.url), { backend: () => create({ dtype }), mechanisms: [row] }, filter);
    }
});

describe(`${name} in Node, in half precision: portable programs`, async () => {
  // Kernels are chosen by kind: a backend of another kind has none.
  for (const row of await rows({ kind: "portable" }, "first")) {
    const filter = { mechanism: row.mechanism.name, law: "key-mask", case: 0 };
    conformance(runnerOf(import.meta.url), { backend: () => create({ dtype }), mechanisms: [row] }, filter);
  }
});
