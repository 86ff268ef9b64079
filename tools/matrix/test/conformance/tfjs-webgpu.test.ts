import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

vi.setConfig({ testTimeout: 60_000 });

const { name, kind, create, expectedFailures = [] } = backends.find((b) => b.name === "tfjs-webgpu")!;
const mechanisms = await rows(kind, "first");

describe(`${name} in Node`, () => {
  for (const row of mechanisms) {
    const filter = { mechanism: row.mechanism.name, case: 0 };
    conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [row], expectedFailures }, filter);
  }
});
