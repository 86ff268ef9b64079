import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000 });

const entry = backends.find((b) => b.name === "webgpu")!;
const { name, create } = entry;
const mechanisms = await rows(entry, "first");

describe(`${name} in Node: mechanisms with their kernels`, () => {
  for (const row of mechanisms) {
    const filter = { mechanism: row.mechanism.name, case: 0 };
    conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [row] }, filter);
  }
});
