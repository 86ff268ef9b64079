import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000 });

const entry = backends.find((b) => b.name === "webgpu")!;
const { name, create } = entry;
const mechanisms = await rows(entry, "first");

/**
 * On tfjs the first case of every law runs with the same kernels. These laws depend on the host: on its memory, states and
 * gradients.
 */
const LAWS = ["oracle", "partition", "key-mask", "fork", "state-round-trip", "merge", "inputs-untouched", "overlap"];
const GRADIENTS = ["kernels", "sync", "gradient", "kernel-gradient"];

describe(`${name} in Node: mechanisms with their kernels`, () => {
  for (const row of mechanisms) {
    for (const law of [...LAWS, ...GRADIENTS]) {
      const filter = { mechanism: row.mechanism.name, law, case: 0 };
      conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [row] }, filter);
    }
    // Without a state, gradients of linear-time mechanisms are kernels too.
    const stateless = { mechanism: row.mechanism.name, law: "kernel-gradient", case: 2 };
    conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [row] }, stateless);
  }
});
