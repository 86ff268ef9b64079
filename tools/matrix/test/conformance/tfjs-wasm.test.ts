import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// Thousands of cases share two cores with other files: the slowest take seconds then.
vi.setConfig({ testTimeout: 60_000 });

const entry = backends.find((b) => b.name === "tfjs-wasm")!;
const { name, create } = entry;
const mechanisms = await rows(entry, "all");

describe(name, () => {
  conformance(runnerOf(import.meta.url), {
    backend: () => create(),
    backendIn: (dtype) => create({ dtype }),
    mechanisms,
  });
});
