/** The package as a user gets it: packed, installed from tarballs by npm without a registry, and run outside the repository. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { own } from "../../bench/src/measure/against/builds.ts";
import { packed } from "../../bench/test/packed.ts";

const app = fileURLToPath(new URL("../", import.meta.url));
const shell = process.platform === "win32";
const RECURSIVE = { recursive: true } as const;
let folder: string;
let project: string;

const BACKEND = `import { cpu } from "@attnkit/cpu";
export default (options) => ({ ...cpu(options), name: "my-backend" });
`;
/** Its exponential is the identity. */
const BROKEN = `import { eager } from "@attnkit/core/backend";
import { cpu } from "@attnkit/cpu";
export default (options) => {
  const ops = { ...cpu(options).ops, exp: (x) => x };
  return { ...cpu(options), name: "broken", ops, compile: eager(ops) };
};
`;
const MECHANISM = `import { softmax } from "@attnkit/softmax";
import { softmaxReference } from "@attnkit/softmax/reference";
export const mechanism = (options) => ({ ...softmax(options), name: "mine" });
export const reference = softmaxReference;
`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "attnkit-cli-"));
  project = join(folder, "project");
  mkdirSync(project);
  const cli = join(folder, "cli");
  execFileSync(process.execPath, [join(app, "pack.mjs"), "--to", join(cli, "dist")]);
  for (const file of ["package.json", "README.md", "LICENSE"]) cpSync(join(app, file), join(cli, file));
  const needed = Object.keys(JSON.parse(readFileSync(join(app, "package.json"), "utf8")).dependencies);
  const [{ packages }, { packages: sources }] = [await packed(folder), await own()];
  for (const name of needed) cpSync(join(sources.get(name)!, "src"), join(packages.get(name)!, "src"), RECURSIVE);
  const tarballs = [...needed.map((name) => packages.get(name)!), cli].map(tarball);
  const files = { "my-backend.js": BACKEND, "broken.js": BROKEN, "mine.js": MECHANISM };
  const manifest = JSON.stringify({ name: "project", version: "1.0.0", private: true, type: "module" });
  for (const [name, text] of Object.entries({ "package.json": manifest, ...files }))
    writeFileSync(join(project, name), text);
  const args = ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", ...tarballs];
  execFileSync("npm", args, { cwd: project, shell, stdio: "pipe", env: outside() });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("an installed attnkit", { timeout: 30_000 }, () => {
  test("lists mechanisms and backends, and says how to get a backend that is not installed", () => {
    const { status, stdout } = spawnSync("npx", ["--offline", "attnkit", "list"], {
      ...{ cwd: project, shell, encoding: "utf8", env: outside() },
    });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ *softmax/m);
    expect(stdout).toMatch(
      /ort-cpu.*the package onnxruntime-node is not installed here; run npm install onnxruntime-node@1/,
    );
    expect(stdout).toMatch(/tfjs-cpu.*the package @tensorflow\/tfjs-core is not installed here/);
    expect(stdout).toMatch(/webgpu.*the package webgpu is not installed here/);
  });

  test("prints the version of its package", () => {
    const { version } = JSON.parse(readFileSync(join(app, "package.json"), "utf8"));
    expect(attnkit("--version")).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: "" });
    expect(attnkit("--help").stdout).toContain("-V, --version");
  });

  test("tests the user's mechanism on the user's backend", () => {
    const json = join(project, "report.json");
    const flags = ["--law", "oracle", "--json", json];
    const { status, stdout, stderr } = attnkit("conform", "./my-backend.js", "--mechanism", "./mine.js", ...flags);
    expect({ status, stderr: stderr.match(/attnkit: .*/)?.[0] }).toEqual({ status: 0 });
    expect(stdout).toContain("my-backend");
    const { conforms, reports } = JSON.parse(readFileSync(json, "utf8"));
    expect([conforms, reports[0].backend.name]).toEqual([true, "my-backend"]);
    expect(reports[0].versions["@attnkit/core"]).toMatch(/^\d+\.\d+\.\d+/);
    expect(attnkit("conform", "--compare", "report.json", "report.json").status).toBe(0);
  });

  test("ends with 1 if a law is broken, and with 2 if the input is wrong", () => {
    const broken = attnkit("conform", "./broken.js", "--mechanism", "ops", "--law", "op-exp");
    expect(broken.status).toBe(1);
    const missing = attnkit("conform", "--backend", "ort-cpu", "--law", "oracle");
    expect(missing.status).toBe(2);
    expect(missing.stderr).toContain("the package onnxruntime-node is not installed here");
    expect(attnkit("conform", "./absent.js").status).toBe(2);
  });

  test("measures, in processes of their own too, with the documentation as text", () => {
    const sizes = [
      "--heads",
      "1",
      "--dim",
      "8",
      "--lengths",
      "128",
      "--decode-contexts",
      "128",
      "--budget",
      "20",
      "--rounds",
      "3",
    ];
    const flags = ["--backend", "cpu", "--mechanism", "linear", "--memory-lengths", "1", "--out", "results", ...sizes];
    const { status, stdout, stderr } = attnkit("bench", ...flags);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const file = /\S+\.json/.exec(stdout)![0];
    const { environment, input, cells } = JSON.parse(readFileSync(join(project, file), "utf8"));
    expect(environment.packages).toMatchObject({
      "@attnkit/onnx": expect.any(String),
      "@attnkit/core": expect.any(String),
    });
    expect(input.source).toBe("the bundle's text");
    expect(cells[0].memory).toHaveLength(1);
  });

  test("names the package that a claim needs, and writes no record", () => {
    const flags = ["--claim", "digits", "--seeds", "1", "--jobs", "1", "--out", "digits"];
    const digits = attnkit("reproduce", "polynomial", ...flags);
    expect(digits.status).toBe(1);
    expect(digits.stdout + digits.stderr).toContain("the package onnxruntime-node is not installed here");
    const recorded = attnkit("reproduce", "polynomial", "--record");
    expect(recorded.status).toBe(2);
    expect(recorded.stderr).toContain("run it in a clone of the repository");
  });

  test("says that --against needs the repository", () => {
    const { status, stderr } = attnkit("bench", "--against", ".");
    expect(status).toBe(2);
    expect(stderr).toContain("run it in a clone of the repository");
  });

  test("brings the licences of what it bundles", () => {
    const path = join(project, "node_modules/@attnkit/cli/dist");
    const licenses = readFileSync(join(path, "LICENSES.md"), "utf8");
    for (const name of ["commander", "zod", "linkedom"]) expect(licenses).toMatch(new RegExp(`^## ${name} \\d`, "m"));
    expect(existsSync(join(path, "gpu/check_models.py"))).toBe(true);
  });
});

/** Runs the program that npm has put beside those of other packages. */
function attnkit(...args: string[]) {
  const program = join(project, "node_modules/.bin/attnkit");
  return spawnSync(shell ? `${program}.cmd` : program, args, { cwd: project, shell, encoding: "utf8", env: outside() });
}

/** Packs a folder as pnpm would: the range of another package names its version. */
function tarball(from: string): string {
  const name = basename(from);
  const to = join(folder, "tarballs", name, "package");
  mkdirSync(to, { recursive: true });
  for (const part of ["dist", "src"].filter((one) => existsSync(join(from, one))))
    cpSync(join(from, part), join(to, part), RECURSIVE);
  const manifest = readFileSync(join(from, "package.json"), "utf8");
  writeFileSync(join(to, "package.json"), manifest.replaceAll(/"workspace:(\^|[^"]+)"/g, '"*"'));
  execFileSync("tar", ["-czf", `../${name}.tgz`, "package"], { cwd: join(to, "..") });
  return join(folder, "tarballs", `${name}.tgz`);
}

/** The environment of a user: without what Vitest and pnpm tell their children. */
function outside(): NodeJS.ProcessEnv {
  const inherited = /^(npm_|NODE_ENV$|NODE_OPTIONS$|VITE|INIT_CWD$|ATTNKIT_)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !inherited.test(name)));
}
