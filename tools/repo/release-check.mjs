/**
 * Rehearses a release of the built packages. `pnpm publish --dry-run` must list every published package with the right
 * files, and send nothing. The tarballs of `pnpm pack:all` must install together with npm and with pnpm.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contentProblems } from "./release/contents.mjs";
import { publishDryRun } from "./release/dry-run.mjs";
import { installProblems } from "./release/install.mjs";
import { published, withoutThirdParties } from "./release/published.mjs";
import { packTogether } from "./release/tarballs.mjs";

const packages = published();
let failed = false;

const { listed, requests } = await publishDryRun();
const files = new Map(listed.map(({ name, files: list }) => [name, list.map(({ path }) => path)]));
const sent = requests.filter((request) => !request.startsWith("GET "));
say(`pnpm publish --dry-run of ${listed.length} packages`, [
  ...packages.flatMap(({ name, manifest }) => {
    const own = files.get(name);
    return own === undefined ? [`${name} is not published`] : contentProblems(name, manifest.exports ?? {}, own);
  }),
  ...[...files.keys()].filter((name) => !packages.some((pkg) => pkg.name === name)).map((name) => `${name} is private`),
  ...sent.map((request) => `the dry run sent ${request}`),
]);

const temporary = mkdtempSync(join(tmpdir(), "attnkit-release-"));
try {
  const alone = withoutThirdParties(packages);
  const tarballs = packTogether(join(temporary, "tarballs")).filter(({ name }) => alone.includes(name));
  const npm = ["npm", "install", "--offline", "--no-audit", "--no-fund"];
  const pnpm = ["npx", "--yes", "pnpm@12", "add", "--offline"];
  say(`npm installs ${tarballs.length} tarballs`, await installProblems(join(temporary, "npm"), npm, tarballs));
  say(`pnpm installs ${tarballs.length} tarballs`, await installProblems(join(temporary, "pnpm"), pnpm, tarballs));
} finally {
  rmSync(temporary, { recursive: true });
}
process.exit(failed ? 1 : 0);

function say(/** @type {string} */ label, /** @type {string[]} */ problems) {
  failed ||= problems.length > 0;
  console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${label}`);
  for (const problem of problems) console.log(`       ${problem}`);
}
