import { backends } from "@attnkit/catalog";
import type { DType } from "@attnkit/core";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { firstCases, rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// Thousands of cases share two cores with other files: the slowest take seconds then.
vi.setConfig({ testTimeout: 60_000 });

const entry = backends.find((b) => b.name === "tfjs-wasm")!;
const { name, create } = entry;
const subject = { backend: () => create(), backendIn: (dtype: DType) => create({ dtype }) };
const [first, rest] = [await rows(entry, "first"), await rows(entry, "rest")];

describe(name, () => {
  conformance(runnerOf(import.meta.url), { ...subject, mechanisms: first });
  conformance(runnerOf(import.meta.url), { ...subject, mechanisms: rest }, firstCases);
});
