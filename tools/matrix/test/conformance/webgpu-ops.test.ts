import { backends } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { describe, vi } from "vitest";
import { runnerOf } from "../runner.ts";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000 });

const { name, create } = backends.find((b) => b.name === "webgpu")!;

describe(`${name} in Node: operations`, () => {
  conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [] });
});
