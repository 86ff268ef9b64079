/**
 * Runs Node tests against the built packages instead of their sources. Only packaging can differ, so the slow tests of
 * frameworks, kernels and pages run on sources only. Programs, laws, the command line and one backend are tested here.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
const chosen = [
  "packages/",
  "apps/bench/test/bin",
  "tools/matrix/test/conformance/cpu.universal",
  "tools/matrix/test/vectors",
];
const given = process.argv.slice(2);
const args = [vitest, "run", "--project", "node", ...(given.length ? given : chosen)];
const { status } = spawnSync(process.execPath, args, { stdio: "inherit", env: { ...process.env, ATTNKIT_DIST: "1" } });
process.exit(status ?? 1);
