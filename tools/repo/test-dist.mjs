/**
 * Runs the Node tests against the built packages instead of their sources. What is built differs by its packaging alone.
 * The programs, one backend on all laws, the golden vectors and the command line are tested here. Frameworks' backends,
 * kernels, pages and further option sets are tested on the sources, once.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
const chosen = [
  "packages/",
  "apps/bench/test/bin.test",
  "apps/bench/test/conform-runners.test",
  "apps/examples/test/processes",
  "tools/matrix/test/conformance/cpu.universal",
  "tools/matrix/test/vectors",
];
const given = process.argv.slice(2);
const args = [vitest, "run", "--project", "node", ...(given.length ? given : chosen)];
const { status } = spawnSync(process.execPath, args, { stdio: "inherit", env: { ...process.env, ATTNKIT_DIST: "1" } });
process.exit(status ?? 1);
