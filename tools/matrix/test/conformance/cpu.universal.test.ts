import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, test, vi } from "vitest";
import { rows } from "../rows.ts";

// Thousands of cases share two cores with other files: the slowest take seconds then.
vi.setConfig({ testTimeout: 60_000 });

/** In a browser the first variant of each mechanism is enough: Node runs the rest, and the engine is the same. */
const variants = "window" in globalThis ? "first" : "all";

for (const { name, kind, dtypes, create } of backends.filter((b) => !b.alone)) {
  const [dtype] = dtypes;
  const mechanisms = await rows(kind, variants);
  describe(`${name} in ${dtype}`, () => {
    conformance({ describe, test }, { backend: () => create(dtype && { dtype }), mechanisms });
  });
}
