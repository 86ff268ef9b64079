/** The parts of `pnpm api` and `pnpm release:check`, on small packages that have known mistakes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apiReports } from "../release/api-report.mjs";
import { contentProblems } from "../release/contents.mjs";
import { published } from "../release/published.mjs";
import { tarballName } from "../release/tarballs.mjs";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "attnkit-release-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("API reports", { timeout: 60_000 }, () => {
  const reportsOf = (sources: Readonly<Record<string, string>>) => {
    const packageFolder = mkdtempSync(join(folder, "package-"));
    writeFileSync(join(packageFolder, "package.json"), '{ "name": "small", "version": "1.0.0", "type": "module" }');
    for (const [name, text] of Object.entries(sources)) writeFileSync(join(packageFolder, `${name}.d.ts`), text);
    const entry = (name: string) => ({
      packageFolder,
      types: join(packageFolder, `${name}.d.ts`),
      path: `${name}.api.md`,
    });
    return apiReports(["a", "b"].map(entry)).map(({ text }) => text);
  };
  const hidden = "export interface Hidden {\n  /** Tokens. */\n  readonly size: number;\n}\n";
  const a = 'import type { Hidden } from "./hidden.ts";\nexport declare function f(x: number): Hidden;\n';
  const b = "/** Says b. */\nexport type B = 'b';\n";

  test("change with an exported type and with a type behind it, not with a comment", () => {
    const [before, other] = reportsOf({ a, b, hidden });
    expect(before).toContain("export function f(x: number): Hidden;");
    expect(before).toContain("readonly size: number;");
    const undocumented = hidden.replace("  /** Tokens. */\n", "");
    expect(reportsOf({ a, b: b.replace("Says b", "Says more"), hidden: undocumented })).toEqual([before, other]);
    const [further, same] = reportsOf({ a, b, hidden: hidden.replace("number", "string") });
    expect(further).not.toBe(before);
    expect(same).toBe(other);
    expect(reportsOf({ a: a.replace("x: number", "x?: number"), b, hidden })[0]).not.toBe(before);
  });

  test("declarations with a type error are refused", () => {
    expect(() => reportsOf({ a: "export declare const a: Nothing;", b })).toThrow(/Nothing/);
  });
});

test("contents: entries and texts must be there, and nothing else", () => {
  const entries = {
    ".": { "@attnkit/source": "./src/index.ts", types: "./dist/index.d.ts", default: "./dist/index.js" },
    "./package.json": "./package.json",
  };
  const texts = ["package.json", "README.md", "LICENSE", "CHANGELOG.md"];
  const good = [...texts, "src/index.ts", "dist/index.js", "dist/index.js.map", "dist/index.d.ts"];
  expect(contentProblems("x", entries, good)).toEqual([]);
  for (const path of ["LICENSE", "src/index.ts", "dist/index.d.ts"])
    expect(
      contentProblems(
        "x",
        entries,
        good.filter((other) => other !== path),
      ),
    ).toEqual([`x: the tarball has no ${path}`]);
  for (const path of ["dist/.tsbuildinfo", "test/a.test.ts", ".env", "api/index.api.md"])
    expect(contentProblems("x", entries, [...good, path])).toEqual([`x: ${path} does not belong in the tarball`]);
});

test("published: every folder with packages, without private ones", () => {
  for (const [dir, manifest] of Object.entries({
    "packages/core": { name: "@attnkit/core" },
    "packages/backends/b": { name: "@attnkit/b" },
    "tools/t": { name: "create-t" },
    "apps/p": { name: "p", private: true },
  })) {
    mkdirSync(join(folder, dir), { recursive: true });
    writeFileSync(join(folder, dir, "package.json"), JSON.stringify(manifest));
  }
  const names = published(folder).map(({ name }) => name);
  expect(names).toEqual(["@attnkit/core", "@attnkit/b", "create-t"]);
  expect(published().map(({ name }) => name)).toContain("@attnkit/softmax");
});

test("tarballName: as npm names them", () => {
  expect(tarballName("@attnkit/core", "0.1.0")).toBe("attnkit-core-0.1.0.tgz");
  expect(tarballName("create-attnkit", "1.2.3-rc.1")).toBe("create-attnkit-1.2.3-rc.1.tgz");
});
