import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, test, vi } from "vitest";
import { rows } from "../rows.ts";

// Thousands of cases share two cores with other files: the slowest take seconds then.
vi.setConfig({ testTimeout: 60_000 });

const { name, kind, create } = backends.find((b) => b.name === "tfjs-wasm")!;
const mechanisms = await rows(kind, "all");

describe(name, () => {
  conformance({ describe, test }, { backend: () => create(), mechanisms });
});
