import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, test, vi } from "vitest";
import { rows } from "../rows.ts";

// Sessions on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** The other variants are in `conformance-ort-variants`, so that both files run at a time. */
const mechanisms = await rows("onnx", "first");

for (const { name, dtypes, create } of backends.filter((b) => b.name === "ort-cpu" || b.name === "ort-wasm")) {
  const [dtype] = dtypes;
  describe(`${name} in ${dtype}`, () => {
    conformance({ describe, test }, { backend: () => create(dtype && { dtype }), mechanisms });
  });
}
