/** Tests of the rules themselves: each must find its violation, and stay silent on a correct workspace. */
import { describe, expect, test } from "vitest";
import { arrows, cycles, declared, light } from "../structure/arrows.ts";
import { importsOf, kindOf, type Manifest, type Package, type Repo } from "../structure/repo.ts";
import { entries, filesOf, manifests, ranges, readmes, references, short } from "../structure/shape.ts";

function pkg(dir: string, files: Record<string, string>, manifest: Manifest = {}): Package {
  return {
    dir,
    kind: kindOf(dir),
    manifest: { name: `@attnkit/${dir.split("/").at(-1)}`, ...manifest },
    files: new Map(Object.entries(files)),
  };
}
const repo = (...packages: Package[]): Repo => ({
  manifest: { devDependencies: { vitest: "1" } },
  license: "MIT",
  packages,
});
const softmax = (files: Record<string, string>, manifest?: Manifest) =>
  repo(pkg("packages/mechanisms/softmax", files, manifest));
const onCore = { dependencies: { "@attnkit/core": "workspace:^" } };

test("importsOf sees every form and which are types only", () => {
  const source = [
    'import { a } from "./a.ts";',
    'import type { B } from "./b.ts";',
    "import {\n  c,\n  d,\n} from './c.ts';",
    'export * from "./d.ts";',
    'export type { E } from "./e.ts";',
    'import "./f.ts";',
    'const g = await import("./g.ts");',
    'export const h = "not an import from x";',
    ' * import { i } from "./i.ts"',
  ].join("\n");
  const seen = importsOf(source).map(({ specifier, typeOnly }) => specifier + (typeOnly ? " type" : ""));
  expect(seen).toEqual(["./a.ts", "./b.ts type", "./c.ts", "./d.ts", "./e.ts type", "./f.ts", "./g.ts"]);
});

describe("arrows", () => {
  const from = (dir: string, path: string, line: string, others: string[] = []) =>
    arrows(repo(pkg(dir, { ...Object.fromEntries(others.map((other) => [other, ""])), [path]: line })));
  const bad: [string, string, string, string[]?][] = [
    ["packages/core", "src/call/a.ts", 'import type { X } from "@attnkit/cpu";'],
    ["packages/core", "src/call/a.ts", 'import "node:fs";'],
    ["packages/core", "src/call/a.ts", 'import { x } from "../conformance/index.ts";', ["src/conformance/index.ts"]],
    ["packages/core", "src/call/a.ts", 'import { x } from "@attnkit/core/conformance";'],
    ["packages/core", "src/call/a.ts", 'import { x } from "../../test/b.ts";', ["test/b.ts"]],
    ["packages/core", "src/call/a.ts", 'import { x } from "./gone.ts";'],
    ["packages/core", "src/a.ts", 'import { x } from "./program/b.ts";', ["src/program/b.ts"]],
    ["packages/core", "src/program/a.ts", 'import { x } from "../backend/b.ts";', ["src/backend/b.ts"]],
    ["packages/core", "src/program/a.ts", 'import type { X } from "../backend/b.ts";', ["src/backend/b.ts"]],
    ["packages/core", "src/backend/a.ts", 'import type { X } from "../call/b.ts";', ["src/call/b.ts"]],
    ["packages/mechanisms/m", "src/index.ts", 'import { cpu } from "@attnkit/cpu";'],
    ["packages/mechanisms/m", "src/index.ts", 'import { x } from "./reference.ts";', ["src/reference.ts"]],
    ["packages/mechanisms/m", "src/index.ts", 'import type { T } from "@tensorflow/tfjs-core";'],
    ["packages/mechanisms/m", "src/index.ts", 'import { x } from "@attnkit/core/conformance";'],
    ["packages/mechanisms/m", "src/index.ts", 'import { x } from "@attnkit/core/backend";'],
    ["packages/backends/b", "src/index.ts", 'import { x } from "@attnkit/core/conformance";'],
    ["packages/mechanisms/m", "src/reference.ts", 'import { x } from "@attnkit/core";'],
    ["packages/mechanisms/m", "src/reference.ts", 'import { x } from "./index.ts";', ["src/index.ts"]],
    ["packages/mechanisms/m", "src/webgpu.ts", 'import { x } from "@attnkit/onnx";'],
    ["packages/mechanisms/m", "src/webgpu.ts", 'import { x } from "@attnkit/tfjs";'],
    ["packages/mechanisms/m", "src/onnx.ts", 'import { x } from "@attnkit/wgsl";'],
    ["packages/mechanisms/m", "src/index.ts", 'import { x } from "@attnkit/wgsl";'],
    ["packages/wgsl", "src/a.ts", 'import type { X } from "@attnkit/tfjs";'],
    ["packages/wgsl", "src/a.ts", 'import type { T } from "@tensorflow/tfjs-core";'],
    ["packages/wgsl", "src/a.ts", 'import { x } from "@attnkit/core/conformance";'],
    ["packages/mechanisms/m", "src/webgpu.ts", 'import * as tf from "@tensorflow/tfjs-core";'],
    ["packages/backends/tfjs", "src/a.ts", 'import { x } from "@attnkit/softmax";'],
    ["packages/backends/tfjs", "src/a.ts", 'const x = await import("@attnkit/catalog");'],
  ];
  test.each(bad)("%s/%s: %s is refused", (dir, path, line, others) => {
    expect(from(dir, path, line, others)).toHaveLength(1);
  });
  const good: [string, string, string, string[]?][] = [
    ["packages/core", "src/conformance/a.ts", 'import { x } from "../program/ops.ts";', ["src/program/ops.ts"]],
    ["packages/core", "src/program/mechanism.ts", 'import type { K } from "../backend/b.ts";', ["src/backend/b.ts"]],
    ["packages/mechanisms/m", "src/index.ts", 'import { x } from "@attnkit/core";'],
    ["packages/mechanisms/m", "src/reference.ts", 'import type { X } from "@attnkit/core";'],
    ["packages/mechanisms/m", "src/reference.ts", 'import { x } from "./reference/a.ts";', ["src/reference/a.ts"]],
    ["packages/mechanisms/m", "src/about.ts", 'import { x } from "./reference.ts";', ["src/reference.ts"]],
    ["packages/mechanisms/m", "src/index.ts", 'import { x } from "@attnkit/core/program";'],
    ["packages/mechanisms/m", "src/webgpu.ts", 'import { x } from "@attnkit/wgsl";'],
    ["packages/mechanisms/m", "src/webgpu/a.ts", 'import { x } from "@attnkit/wgsl";'],
    ["packages/wgsl", "src/a.ts", 'import { x } from "@attnkit/core/backend";'],
    ["packages/backends/b", "src/a.ts", 'import { x } from "@attnkit/wgsl";'],
    ["packages/mechanisms/m", "src/webgpu.ts", 'import { x } from "@attnkit/core/backend";'],
    ["packages/backends/b", "src/index.ts", 'import { x } from "@attnkit/core/backend";'],
    ["packages/mechanisms/m", "src/webgpu.ts", 'import type * as tf from "@tensorflow/tfjs-core";'],
    ["packages/backends/onnx", "src/a.ts", 'import { x } from "onnx-buf";'],
    ["apps/bench", "src/a.ts", 'import "node:fs";'],
    ["tools/catalog", "src/a.ts", 'import { x } from "@attnkit/softmax";'],
  ];
  test.each(good)("%s/%s: %s is allowed", (dir, path, line, others) => {
    expect(from(dir, path, line, others)).toEqual([]);
  });
});

test("declared: undeclared and idle dependencies", () => {
  const line = 'import { x } from "@attnkit/core";';
  expect(declared(softmax({ "src/index.ts": line }, onCore))).toEqual([]);
  expect(declared(softmax({ "src/index.ts": line }))).toHaveLength(1);
  expect(declared(softmax({ "src/index.ts": "" }, onCore))).toHaveLength(1);
  expect(declared(softmax({ "test/a.test.ts": 'import { x } from "@attnkit/cpu";' }))).toHaveLength(1);
  expect(declared(softmax({ "test/a.test.ts": 'import { test } from "vitest";' }))).toEqual([]);
});

test("light: runtime dependencies and forced peers", () => {
  expect(light(softmax({}, onCore))).toEqual([]);
  expect(light(softmax({}, { dependencies: { lodash: "4" } }))).toHaveLength(1);
  expect(light(softmax({}, { peerDependencies: { "@attnkit/tfjs": "1" } }))).toHaveLength(1);
  expect(light(softmax({}, { dependencies: { "@attnkit/wgsl": "1" } }))).toEqual([]);
  expect(light(repo(pkg("packages/wgsl", {}, { dependencies: { "@attnkit/cpu": "1" } })))).toHaveLength(1);
  const optional = { peerDependencies: { x: "1" }, peerDependenciesMeta: { x: { optional: true } } };
  expect(light(softmax({}, optional))).toEqual([]);
});

test("cycles: direct, long and of a file with itself", () => {
  const a = 'import "./b.ts";';
  expect(cycles(softmax({ "src/a.ts": a, "src/b.ts": "" }))).toEqual([]);
  expect(cycles(softmax({ "src/a.ts": a, "src/b.ts": 'import type { A } from "./a.ts";' }))).toHaveLength(1);
  expect(cycles(softmax({ "src/a.ts": a, "src/b.ts": 'export * from "./a.ts";' }))).toHaveLength(1);
  expect(
    cycles(softmax({ "src/a.ts": a, "src/b.ts": 'import "./c.ts";', "src/c.ts": 'import "./a.ts";' })),
  ).toHaveLength(1);
  expect(cycles(softmax({ "src/a.ts": 'import "./a.ts";' }))).toHaveLength(1);
});

test("short: long files need a reason at their head", () => {
  const lines = "x\n".repeat(301);
  expect(short(softmax({ "src/a.ts": "x\n".repeat(300) }))).toEqual([]);
  expect(short(softmax({ "src/a.ts": lines }))).toHaveLength(1);
  expect(short(softmax({ "test/a.test.ts": lines }))).toHaveLength(1);
  expect(short(softmax({ "src/a.ts": `/** Long file: one table. */\n${lines}` }))).toEqual([]);
  expect(short(softmax({ "src/a.ts": `${lines}// Long file: too late` }))).toHaveLength(1);
  expect(short(softmax({ "src/a.ts": `/** Long file: */\n${lines}` }))).toHaveLength(1);
});

test("manifests: a missing, an extra and a different field", () => {
  const dir = "packages/mechanisms/softmax";
  const github = "https://github.com/attnkit/attnkit";
  const good: Manifest = {
    name: "@attnkit/softmax",
    version: "0.0.0",
    description: "d",
    keywords: [],
    license: "MIT",
    author: "The attnkit authors",
    homepage: `${github}/tree/main/${dir}#readme`,
    bugs: `${github}/issues`,
    repository: { type: "git", url: `git+${github}.git`, directory: dir },
    type: "module",
    sideEffects: false,
    engines: { node: ">=20.19" },
    exports: {},
    files: ["dist", "src", "!dist/.tsbuildinfo"],
    scripts: { build: `node -e "fs.rmSync('dist',{recursive:true,force:true})" && tsc -p tsconfig.json` },
    publishConfig: { access: "public", provenance: true },
  };
  const { description: _, ...missing } = good;
  expect(manifests(softmax({}, good))).toEqual([]);
  expect(manifests(softmax({}, missing))).toHaveLength(1);
  expect(manifests(softmax({}, { ...good, main: "x" }))).toHaveLength(1);
  expect(manifests(softmax({}, { ...good, sideEffects: true }))).toHaveLength(1);
  expect(manifests(softmax({}, { private: true }))).toEqual([]);
});

test("filesOf: what every package has, and the root's licence", () => {
  const files = {
    "README.md": "",
    LICENSE: "MIT",
    "tsconfig.json": "{}",
    "src/index.ts": "",
    "src/reference.ts": "",
    "src/about.ts": "",
  };
  const { "README.md": _, ...unread } = files;
  expect(filesOf(softmax(files))).toEqual([]);
  expect(filesOf(softmax(unread))).toHaveLength(1);
  expect(filesOf(softmax({ ...files, LICENSE: "GPL" }))).toHaveLength(1);
});

test("ranges: between published packages, by the kind of dependency", () => {
  const onnx = pkg("packages/backends/onnx", {});
  const rangesOf = (manifest: Manifest) => ranges(repo(onnx, pkg("packages/mechanisms/softmax", {}, manifest)));
  const peer = (range: string) => rangesOf({ peerDependencies: { "@attnkit/onnx": range } });
  expect(rangesOf({ dependencies: { "@attnkit/onnx": "workspace:^" } })).toEqual([]);
  expect(rangesOf({ dependencies: { "@attnkit/onnx": "workspace:*" } })).toHaveLength(1);
  expect(peer("workspace:>=0.1.0 <1.0.0")).toEqual([]);
  expect(peer("workspace:^")).toHaveLength(1);
  expect(rangesOf({ peerDependencies: { "onnxruntime-common": ">=1.21.0" } })).toEqual([]);
});

test("readmes: the beginning, and the sections of the kind", () => {
  const fence = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\`\n\n`;
  const install = fence("sh", "npm install @attnkit/core @attnkit/mirror");
  const parts = [
    "# @attnkit/mirror\n\n",
    "A backend that mirrors.\n\n",
    install,
    fence("ts", "let a;"),
    "## Options\n\n",
  ];
  const good = [...parts, "## Limits\n"];
  const found = (text: string) => readmes(repo(pkg("packages/backends/mirror", { "README.md": text })));
  expect(found(good.join(""))).toEqual([]);
  for (const part of good.keys()) expect(found(good.toSpliced(part, 1).join(""))).not.toEqual([]);
  expect(found(good.join("").replace(install, fence("sh", "npm install @attnkit/core")))).toHaveLength(1);
  expect(found([good[0], good[1], good[3], good[2], good[4], good[5]].join(""))).toHaveLength(1);
  expect(found([...good.slice(0, 4), good[5], "\n", good[4]].join(""))).toHaveLength(1);
  expect(found(good.join("").replace("## Limits", fence("md", "## Limits")))).toHaveLength(1);
});

test("entries: every export names a file and its output", () => {
  const files = { "src/index.ts": "" };
  const good = { "@attnkit/source": "./src/index.ts", types: "./dist/index.d.ts", default: "./dist/index.js" };
  expect(entries(softmax(files, { exports: { ".": good } }))).toEqual([]);
  expect(entries(softmax(files, { exports: { ".": { ...good, default: "./dist/main.js" } } }))).toHaveLength(1);
  expect(entries(softmax({}, { exports: { ".": good } }))).toHaveLength(1);
  expect(entries(softmax(files, { exports: { "./x": "./x.json" } }))).toHaveLength(1);
});

test("references: exactly the workspace dependencies", () => {
  const both = (config: object) =>
    references(
      repo(pkg("packages/core", {}), pkg("packages/mechanisms/m", { "tsconfig.json": JSON.stringify(config) }, onCore)),
    );
  expect(both({ references: [{ path: "../../core" }] })).toEqual([]);
  expect(both({})).toHaveLength(1);
  expect(both({ references: [{ path: "../../core" }, { path: "../n" }] })).toHaveLength(1);
});
