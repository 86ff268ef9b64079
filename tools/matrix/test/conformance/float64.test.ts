import { backends, mechanisms as entries } from "@attnkit/catalog";
import type { DType } from "@attnkit/core";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { firstCases, rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// Thousands of cases share two cores with other files: the slowest take seconds then.
vi.setConfig({ testTimeout: 60_000 });

for (const entry of backends.filter((b) => !b.alone)) {
  const { name, dtypes, create } = entry;
  const [first, rest] = [await rows(entry, "first"), await rows(entry, "rest")];
  for (const dtype of dtypes.slice(1)) {
    describe(`${name} in ${dtype}`, () => {
      const subject = { backend: () => create({ dtype }), backendIn: (type: DType) => create({ dtype: type }) };
      conformance(runnerOf(import.meta.url), { ...subject, mechanisms: first });
      conformance(runnerOf(import.meta.url), { ...subject, mechanisms: rest }, firstCases);
    });
  }
}

describe("windows as narrow as the smallest shapes, in float64", () => {
  const { create, reference } = entries.find((m) => m.name === "softmax")!;
  const windows = ["0 0", "1 0", "0 1", "-1 0", "0 -1"].map((x) => ({ window: x.split(" ").map(Number) }));
  const mechanisms = windows.map((options) => ({ mechanism: create(options), reference: reference(options) }));
  const { create: backend } = backends.find((b) => b.name === "cpu")!;
  conformance(
    runnerOf(import.meta.url),
    { backend: () => backend({ dtype: "float64" }), mechanisms },
    { law: "small-shapes" },
  );
});
