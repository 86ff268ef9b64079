import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000 });

const entry = backends.find((b) => b.name === "webgpu")!;
const { name, create } = entry;
const portable = await rows({ kind: "portable" }, "first");

// Node runs the first cases of the laws that depend on this backend, on the same software adapter. Chromium compiles shaders with another version of
// Dawn: here each operation is tested in full, and of each mechanism one case of its program. Its kernels run on tfjs.
describe(`${name} in Chromium`, () => {
  conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [] });
  for (const row of portable) {
    const filter = { mechanism: row.mechanism.name, law: "partition", case: 0 };
    conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [row] }, filter);
  }
});
