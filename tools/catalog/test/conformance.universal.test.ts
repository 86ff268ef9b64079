import { backends, mechanisms } from "@attnkit/catalog";
import { conformance, type Row } from "@attnkit/core/conformance";
import { describe, test, vi } from "vitest";

// Thousands of cases share two cores with other files: the slowest take seconds then.
vi.setConfig({ testTimeout: 60_000 });

/** In a browser the first variant of each mechanism is enough: Node runs the rest, and the engine is the same. */
const browser = "window" in globalThis;

const rows: readonly Row[] = mechanisms.flatMap(({ create, reference, variants }) =>
  (browser ? variants.slice(0, 1) : variants).map((options) => ({
    mechanism: create(options),
    reference: reference(options),
  })),
);

for (const { name, dtypes, create } of backends.filter((b) => !b.alone)) {
  const [dtype] = dtypes;
  describe(`${name} in ${dtype}`, () => {
    conformance({ describe, test }, { backend: () => create(dtype && { dtype }), mechanisms: rows });
  });
}
