import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, test, vi } from "vitest";
import { rows } from "./rows.ts";

// Thousands of cases share two cores with other files: the slowest take seconds then.
vi.setConfig({ testTimeout: 60_000 });

for (const { name, kind, dtypes, create } of backends.filter((b) => !b.alone)) {
  const mechanisms = await rows(kind, "all");
  for (const dtype of dtypes.slice(1)) {
    describe(`${name} in ${dtype}`, () => {
      conformance({ describe, test }, { backend: () => create({ dtype }), mechanisms });
    });
  }
}
