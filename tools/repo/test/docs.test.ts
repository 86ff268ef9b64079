import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { available, useSoftwareVulkan } from "../../software-gpu/src/index.ts";
import { anchoredLinks, anchors, fences, fencesOf, markdownFiles, relativeLinks } from "../docs/markdown.ts";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
const files = markdownFiles(root);
/** Inside the matrix, from which every package resolves. */
const folder = join(root, "tools/matrix/.snippets");
/** Each document has a folder. A block with a name is that file of the folder, which later blocks import. */
const snippets = files
  .flatMap((file) => fences(root, file))
  .filter(({ language }) => language === "ts")
  .map(({ name, ...fence }) => ({
    ...fence,
    path: join(folder, fence.file.replaceAll(/\W/g, "-"), name ?? `line-${fence.line}.ts`),
    title: `${fence.file}:${fence.line}`,
  }));
/** Blocks that register tests. */
const isTest = ({ path }: { path: string }) => path.endsWith(".test.ts");

// Before the tests are collected: those of the blocks are among them.
rmSync(folder, { recursive: true, force: true });
for (const { path, text } of snippets) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${text}\nexport {};\n`);
}
beforeAll(() => {
  // Snippets that need WebGPU find an adapter on every machine.
  if (available) useSoftwareVulkan();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("TypeScript in the documentation", () => {
  test("there is some", () => expect(snippets.length).toBeGreaterThan(5));

  test("has no type errors", { timeout: 60_000 }, () => {
    const config = { extends: "../../../tsconfig.json", include: ["./**/*.ts"], exclude: [] };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ ...config, compilerOptions: { rootDir: "../../.." } }),
    );
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  test("names no file twice", () => {
    const paths = snippets.map(({ path }) => path);
    expect(paths.filter((path, i) => paths.indexOf(path) < i)).toEqual([]);
  });

  test.each(snippets.filter((snippet) => !isTest(snippet)))("runs: $title", { timeout: 60_000 }, async ({ path }) => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    try {
      await import(/* @vite-ignore */ pathToFileURL(path).href);
      for (const value of log.mock.calls.flat()) {
        if (ArrayBuffer.isView(value)) for (const x of value as Float32Array) expect(Number.isNaN(x)).toBe(false);
      }
    } finally {
      log.mockRestore();
    }
  });

  describe.each(snippets.filter(isTest))("passes: $title", async ({ path }) => {
    await import(/* @vite-ignore */ pathToFileURL(path).href);
  });
});

test.each(files)("links of %s lead somewhere", (file) => {
  for (const target of relativeLinks(readFileSync(join(root, file), "utf8"))) {
    expect(existsSync(resolve(root, dirname(file), target)), `${file} links to ${target}`).toBe(true);
  }
});

test.each(files)("anchors in links of %s exist", (file) => {
  for (const { target, anchor } of anchoredLinks(readFileSync(join(root, file), "utf8"))) {
    const path = target === "" ? join(root, file) : resolve(root, dirname(file), target);
    expect(anchors(readFileSync(path, "utf8")), `${file} links to ${target}#${anchor}`).toContain(anchor);
  }
});

test("scripts that the documentation names exist", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const named = files.flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/npx --yes pnpm@12 ([\w:-]+)/g)].map((match) => match[1]!),
  );
  expect(named.length).toBeGreaterThan(5);
  for (const name of named) expect(name === "install" ? { install: 1 } : scripts).toHaveProperty([name]);
});

test("docs/README.md links to every page of docs", () => {
  const links = relativeLinks(readFileSync(join(root, "docs/README.md"), "utf8"));
  const pages = files.filter((file) => /^docs\/[^/]+\.md$/.test(file)).map((file) => file.replace("docs/", ""));
  expect(pages.filter((page) => page !== "README.md" && !links.includes(page))).toEqual([]);
});

test.each(files.flatMap((file) => fences(root, file)).filter(({ language }) => language === "json"))(
  "JSON parses: $file:$line",
  ({ text }) => expect(JSON.parse(text)).toBeTypeOf("object"),
);

test("a fence that is not closed, and a dead link, are found", () => {
  expect(() => fencesOf("x.md", "```ts\nlet a;")).toThrow("x.md:1");
  expect(fencesOf("x.md", "```ts [a.ts]\nlet a;\n```")).toEqual([
    { file: "x.md", line: 1, language: "ts", name: "a.ts", text: "let a;" },
  ]);
  expect(relativeLinks("[a](docs/nothing.md#b) [c](https://x.org)")).toEqual(["docs/nothing.md"]);
  expect(anchoredLinks("[a](docs/nothing.md#b) [c](#d) [e](https://x.org#f)")).toEqual([
    { target: "docs/nothing.md", anchor: "b" },
    { target: "", anchor: "d" },
  ]);
  expect([...anchors('# What is *measured*?\n\n### <a id="x-y"></a>x/y')]).toEqual(["what-is-measured", "xy", "x-y"]);
});
