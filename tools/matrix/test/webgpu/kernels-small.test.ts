/**
 * The kernels of tfjs over every small shape, each program of a kernel once: sizes are uniforms, so that the shapes share
 * its pipelines, and compiling those is most of the time.
 */
import { backends } from "@attnkit/catalog";
import type { Options } from "@attnkit/core";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { rowsOf } from "../rows.ts";
import { runnerOf } from "../runner.ts";

vi.setConfig({ testTimeout: 60_000 });

/** The tiles with a window and without, the matrix states, the scan per channel. */
const chosen: Readonly<Record<string, readonly Options[]>> = {
  softmax: [{}, { window: [1, 0] }],
  linear: [{}],
  logsumexp: [{}],
  polynomial: [{ power: 2 }, { power: 3, form: "quadratic" }],
  elementwise: [{ order: 2 }],
};

const entry = backends.find((b) => b.name === "tfjs-webgpu")!;
const { name, create } = entry;
const rows = await rowsOf(entry, ({ name }) => chosen[name]!);
/** With no program beside its kernels: a call that no kernel takes fails. */
const mechanisms = rows.map(({ mechanism, reference }) => ({
  mechanism: {
    ...mechanism,
    forward: () => {
      throw new Error("no kernel took this call");
    },
  },
  reference,
}));

describe(`${name} in Node`, () => {
  for (const n of [1, 2, 3])
    conformance(runnerOf(import.meta.url), { backend: create, mechanisms }, { law: "small-shapes", case: n });
});
