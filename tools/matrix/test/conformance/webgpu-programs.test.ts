import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000 });

const { name, create } = backends.find((b) => b.name === "webgpu")!;
// Kernels are chosen by kind: a backend of another kind has none.
const mechanisms = await rows({ kind: "portable" }, "first");

describe(`${name} in Node: portable programs`, () => {
  for (const row of mechanisms) {
    const filter = { mechanism: row.mechanism.name, case: 0 };
    conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [row] }, filter);
  }
});
