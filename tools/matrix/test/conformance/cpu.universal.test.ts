import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// Thousands of cases share two cores with other files: the slowest take seconds then.
vi.setConfig({ testTimeout: 60_000 });

/**
 * Chromium and the built packages run the first option set of each mechanism; Node runs the rest on the sources. The engine
 * is the same, and built packages differ by their packaging alone.
 */
const variants = "window" in globalThis || process.env.ATTNKIT_DIST === "1" ? "first" : "all";

for (const entry of backends.filter((b) => !b.alone)) {
  const { name, dtypes, create } = entry;
  const [dtype] = dtypes;
  const mechanisms = await rows(entry, variants);
  describe(`${name} in ${dtype}`, () => {
    conformance(runnerOf(import.meta.url), {
      backend: () => create(dtype && { dtype }),
      backendIn: (type) => create({ dtype: type }),
      mechanisms,
    });
  });
}
