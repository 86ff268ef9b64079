import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// Sessions on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** The other option sets are in `ort-variants`, so that both files run at a time. */
const mechanisms = await rows({ kind: "onnx" }, "first");
const { name, create } = backends.find((b) => b.name === "ort-cpu")!;

describe(`${name} in float32`, () => {
  conformance(runnerOf(import.meta.url), {
    backend: () => create({ dtype: "float32" }),
    backendIn: (dtype) => create({ dtype }),
    mechanisms,
  });
});
