import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, test, vi } from "vitest";
import { rows } from "../rows.ts";

vi.setConfig({ testTimeout: 60_000 });

const { name, kind, create, expectedFailures = [] } = backends.find((b) => b.name === "tfjs-webgpu")!;
const mechanisms = await rows(kind, "first");

describe(`${name} in Node`, () => {
  for (const row of mechanisms) {
    const filter = { mechanism: row.mechanism.name, case: 0 };
    conformance({ describe, test }, { backend: create, mechanisms: [row], expectedFailures }, filter);
  }
});
