/** Builds what has changed. It prints nothing on success, so that stdout belongs to the command that follows. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const turbo = join(dirname(createRequire(import.meta.url).resolve("turbo/package.json")), "bin/turbo");
const args = [turbo, "run", "build", "--output-logs=errors-only"];
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" };
const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", env });
if (status !== 0) {
  process.stderr.write(stdout + stderr);
  process.exit(status ?? 1);
}
