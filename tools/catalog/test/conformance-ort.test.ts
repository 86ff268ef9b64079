import { backends, mechanisms } from "@attnkit/catalog";
import { conformance, type Row } from "@attnkit/core/conformance";
import { describe, test, vi } from "vitest";

// Sessions on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** The other variants are in `conformance-ort-variants`, so that both files run at a time. */
const rows: readonly Row[] = mechanisms.map(({ create, reference, variants: [options] }) => ({
  mechanism: create(options),
  reference: reference(options),
}));

for (const { name, dtypes, create } of backends.filter((b) => b.name.startsWith("ort-"))) {
  const [dtype] = dtypes;
  describe(`${name} in ${dtype}`, () => {
    conformance({ describe, test }, { backend: () => create(dtype && { dtype }), mechanisms: rows });
  });
}
