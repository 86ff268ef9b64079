#!/usr/bin/env node
/** The entry of the package: the command line of apps/bench, with the files that it reads from the repository there. */
import { fileURLToPath } from "node:url";

// The machine's own GPU: the software driver is for this repository's tests.
process.env.ATTNKIT_WEBGPU_ADAPTER ??= "default";
process.env.ATTNKIT_TEXT ??= fileURLToPath(new URL("./text.md", import.meta.url));
await import("../bench/src/cli.ts");
