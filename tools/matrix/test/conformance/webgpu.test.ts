import { backends } from "@attnkit/catalog";
import { conformance, type Item } from "@attnkit/core/conformance";
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

/** The first case of these laws, and the gradients of kernels that keep no state. */
const chosen = ({ law, case: n, mechanism }: Item) =>
  mechanism !== "ops" && ((n === 0 && [...LAWS, ...GRADIENTS].includes(law)) || (n === 2 && law === "kernel-gradient"));

describe(`${name} in Node: mechanisms with their kernels`, () => {
  // One device for all of them: a pipeline is compiled once per device.
  conformance(runnerOf(import.meta.url), { backend: create, mechanisms }, chosen);
});
