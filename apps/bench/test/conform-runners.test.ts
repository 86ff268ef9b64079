/**
 * The suite in the test runners and runtimes of others, on built packages: one law of operations and one of a mechanism. Each
 * runs twice: on a right backend, and on one whose `exp` is wrong, which the runner must report with the replay line.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright";
import { beforeAll, describe, expect, test } from "vitest";
import { launch, setup } from "../../../tools/repo/chromium.ts";
import { folder } from "./harness.ts";

const repo = fileURLToPath(new URL("../../../", import.meta.url));
const dir = folder();
const require = createRequire(import.meta.url);

const SUBJECT = `
import { eager } from "@attnkit/core/backend";
import { cpu } from "@attnkit/cpu";
import { softmax } from "@attnkit/softmax";
import { softmaxReference } from "@attnkit/softmax/reference";
function broken() {
  const right = cpu();
  const ops = { ...right.ops, exp: (x) => x };
  return { ...right, ops, compile: eager(ops) };
}
const mechanisms = [{ mechanism: softmax(), reference: softmaxReference() }];
export const subjectOf = (which) => ({ backend: which === "wrong" ? broken : cpu, mechanisms });
export const filter = ({ law, case: n }) => n === 0 && (law === "op-exp" || law === "oracle");`;

/** The start of each file: the runner's functions. */
const RUNNERS = {
  vitest: `import { describe, test } from "vitest";`,
  mocha: `const { describe, it: test } = globalThis;`,
  node: `import { describe, test } from "node:test";`,
  deno: `const path = [];
    const describe = (name, body) => { path.push(name); body(); path.pop(); };
    const test = (name, body) => Deno.test([...path, name].join(" "), body);`,
  bun: `import { describe, test } from "bun:test";`,
} as const;

const CODE = (start: string, which: string) => `${start}
  import { conformance } from "@attnkit/core/conformance";
  import { filter, subjectOf } from "./subject.mjs";
  conformance({ describe, test }, subjectOf("${which}"), filter);`;

const ALONE = (which: string) => `
  import { runConformance } from "@attnkit/core/conformance";
  import { filter, subjectOf } from "./subject.mjs";
  const report = await runConformance(subjectOf("${which}"), { filter });
  for (const { law, status, error } of report.cases) console.log(law, status, error ?? "");
  if (!report.conforms) throw new Error("does not conform");`;

beforeAll(async () => {
  await install();
  writeFileSync(join(dir, "package.json"), '{"type":"module"}');
  writeFileSync(join(dir, "subject.mjs"), SUBJECT);
  for (const which of ["right", "wrong"]) {
    writeFileSync(join(dir, `${which}.alone.mjs`), ALONE(which));
    for (const [name, start] of Object.entries(RUNNERS))
      writeFileSync(join(dir, `${which}.${name}.test.mjs`), CODE(start, which));
  }
}, 60_000);

/** Lays the built packages out as installing them would. Without built packages, the sources are built the same way. */
async function install(): Promise<void> {
  const packages = { core: "packages/core", cpu: "packages/backends/cpu", softmax: "packages/mechanisms/softmax" };
  mkdirSync(join(dir, "node_modules/@attnkit"), { recursive: true });
  symlinkSync(join(repo, "node_modules/vitest"), join(dir, "node_modules/vitest"), "junction");
  for (const [name, from] of Object.entries(packages)) {
    const to = join(dir, "node_modules/@attnkit", name);
    if (process.env.ATTNKIT_DIST === "1") symlinkSync(join(repo, from), to, "junction");
    else await built(join(repo, from), to);
  }
}

async function built(from: string, to: string): Promise<void> {
  const manifest = require(join(from, "package.json")) as { exports: Record<string, string | { default: string }> };
  const entries = Object.values(manifest.exports).flatMap((entry) => (typeof entry === "string" ? [] : entry.default));
  mkdirSync(to, { recursive: true });
  writeFileSync(join(to, "package.json"), JSON.stringify(manifest));
  const source = (file: string) => join(from, file.replace("./dist/", "src/").replace(/\.js$/, ".ts"));
  await build({
    entryPoints: Object.fromEntries(entries.map((file) => [file.slice("./dist/".length, -3), source(file)])),
    outdir: join(to, "dist"),
    ...{ bundle: true, splitting: true, packages: "external", format: "esm", logLevel: "error" },
  });
}

/** Bun's binary, from the package of this platform: its install script would only copy it. */
function bunPath(): string {
  const name = `@oven/bun-${process.platform === "win32" ? "windows" : process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`;
  const manifest = createRequire(require.resolve("bun/package.json")).resolve(`${name}/package.json`);
  return join(dirname(manifest), "bin", process.platform === "win32" ? "bun.exe" : "bun");
}

const denoPath = (): string => require("deno/install_api.cjs").runInstall();

const node = process.execPath;
const commands: Readonly<Record<string, (which: string) => readonly string[]>> = {
  vitest: (which) => [node, "node_modules/vitest/vitest.mjs", "run", `${which}.vitest.test.mjs`, "--root", "."],
  mocha: (which) => [node, require.resolve("mocha/bin/mocha.js"), `${which}.mocha.test.mjs`],
  "node:test": (which) => [node, "--test", `${which}.node.test.mjs`],
  "no runner, in Node": (which) => [node, `${which}.alone.mjs`],
  "Deno.test": (which) => [denoPath(), "test", "--no-check", "--no-lock", `${which}.deno.test.mjs`],
  "no runner, in Deno": (which) => [denoPath(), "run", "--no-lock", `${which}.alone.mjs`],
  "bun:test": (which) => [bunPath(), "test", `./${which}.bun.test.mjs`],
  "no runner, in Bun": (which) => [bunPath(), `${which}.alone.mjs`],
};

/** Runs the command of a runner and returns its exit status with all that it wrote. */
function run([file, ...args]: readonly string[]) {
  const { VITEST: _, NODE_TEST_CONTEXT: __, NODE_OPTIONS: ___, ...rest } = process.env;
  const env = { ...rest, NO_COLOR: "1", FORCE_COLOR: "0", DENO_NO_UPDATE_CHECK: "1", NODE_ENV: "test" };
  const { status, stdout, stderr } = spawnSync(file!, args, { cwd: dir, encoding: "utf8", env });
  return { status, said: stdout + stderr };
}

describe.each(Object.entries(commands))("%s", (_, command) => {
  test("runs both laws on a right backend", () => {
    const { status, said } = run(command("right"));
    expect(status, said).toBe(0);
    expect(said).not.toContain("replay:");
  });

  test("reports a wrong backend, with the line that runs the case again", () => {
    const { status, said } = run(command("wrong"));
    expect(status, said).not.toBe(0);
    for (const law of ["op-exp", "oracle"]) expect(said).toMatch(new RegExp(`replay: runConformance.*"law":"${law}"`));
  });
});

test("a page in Chromium, without a runner", async () => {
  setup();
  const { outputFiles } = await build({
    stdin: {
      contents: `import { runConformance } from "@attnkit/core/conformance";
        import { filter, subjectOf } from "./subject.mjs";
        globalThis.run = (which) => runConformance(subjectOf(which), { filter });`,
      resolveDir: dir,
    },
    ...{ bundle: true, write: false, format: "iife", platform: "browser" },
  });
  const { env, ...rest } = launch();
  const browser = await chromium.launch({ ...rest, ...(env && { env: env as Record<string, string> }) });
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ content: outputFiles[0]!.text });
    const statuses = async (which: string) => {
      const { conforms, cases } = (await page.evaluate(`run("${which}")`)) as {
        conforms: boolean;
        cases: { status: string; error?: string }[];
      };
      return { conforms, cases: cases.map(({ status, error }) => [status, error?.includes("\nreplay: ") ?? false]) };
    };
    expect(await statuses("right")).toEqual({ conforms: true, cases: Array(2).fill(["pass", false]) });
    expect(await statuses("wrong")).toEqual({ conforms: false, cases: Array(2).fill(["fail", true]) });
  } finally {
    await browser.close();
  }
});
