import { backends, mechanisms } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, test, vi } from "vitest";

// Thousands of cases share two cores with other files: the slowest take seconds then.
vi.setConfig({ testTimeout: 60_000 });

const rows = mechanisms.flatMap(({ create, reference, variants }) =>
  variants.map((options) => ({ mechanism: create(options), reference: reference(options) })),
);

for (const { name, dtypes, create } of backends.filter((b) => !b.alone)) {
  for (const dtype of dtypes.slice(1)) {
    describe(`${name} in ${dtype}`, () => {
      conformance({ describe, test }, { backend: () => create({ dtype }), mechanisms: rows });
    });
  }
}
