import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

vi.setConfig({ testTimeout: 60_000 });

const entry = backends.find((b) => b.name === "tfjs-webgpu")!;
const { name, create, expectedFailures = [] } = entry;
const mechanisms = await rows(entry, "first");

describe(`${name} in Node`, () => {
  for (const row of mechanisms) {
    const filter = { mechanism: row.mechanism.name, case: 0 };
    conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [row], expectedFailures }, filter);
  }
});
