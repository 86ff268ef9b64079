/** Runs the Node tests against the built packages instead of their sources. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
const args = [vitest, "run", "--project", "node", ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, args, { stdio: "inherit", env: { ...process.env, ATTNKIT_DIST: "1" } });
process.exit(status ?? 1);
