import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

vi.setConfig({ testTimeout: 60_000 });

const entry = backends.find((b) => b.name === "ort-webgpu")!;
const { name, create } = entry;
const first = await rows(entry, "first");

// The software adapter takes its time. Chromium runs more of it on the same source of the runtime, and `ort-cpu`
// every case of the same programs.
describe(`${name} in Node`, () => {
  for (const row of first) {
    const filter = { mechanism: row.mechanism.name, law: "partition", case: 0 };
    conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [row] }, filter);
  }
  // NaN is handled in one place for this provider, for every mechanism.
  const diverged = { mechanism: "softmax", law: "diverged", case: 0 };
  conformance(runnerOf(import.meta.url), { backend: create, mechanisms: first }, diverged);
});
