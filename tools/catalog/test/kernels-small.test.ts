/** The kernels of tfjs over every small shape. Sizes are uniforms of a kernel, so that the shapes share its pipelines. */
import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, test, vi } from "vitest";
import { rows } from "./rows.ts";

vi.setConfig({ testTimeout: 60_000 });

const { name, kind, create } = backends.find((b) => b.name === "tfjs-webgpu")!;
const mechanisms = (await rows(kind, "all")).filter((row) => (row.mechanism.kernels ?? []).length > 0);

describe(name, () => {
  for (const n of [1, 2, 3])
    conformance({ describe, test }, { backend: create, mechanisms }, { law: "small-shapes", case: n });
});
