/** Runs every cell of the matrix of installations (tools/repo/install/cells.ts). `pnpm test` runs a part of it. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
const args = [vitest, "run", "--project", "node", "tools/repo/test/install.test.ts", ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, args, {
  stdio: "inherit",
  env: { ...process.env, ATTNKIT_INSTALL: "all" },
});
process.exit(status ?? 1);
