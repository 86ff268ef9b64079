import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { mechanisms } from "../../catalog/src/mechanisms.ts";
import { between, stale, table } from "../derive/derived.ts";
import { catalogDependencies, projectReferences } from "../derive/links.ts";
import { support } from "../derive/support.ts";
import { tables } from "../derive/tables.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

describe("derived files are current; `pnpm derive` writes them", () => {
  const paths = (files: Parameters<typeof stale>[1]) => stale(root, files).map(({ path }) => path);
  test("dependencies of the catalog", () => expect(paths([catalogDependencies(root)])).toEqual([]));
  test("tsconfig references", () => expect(paths(projectReferences(root))).toEqual([]));
  test("tables of READMEs", () => expect(paths(tables(root))).toEqual([]));
  test("the matrix of docs/support.md", () => expect(paths([support(root)])).toEqual([]));
});

test("every option of every mechanism stands in the table of its README", () => {
  const all = tables(root);
  for (const { name, options } of mechanisms) {
    const { text } = all.find(({ path }) => path === `packages/mechanisms/${name}/README.md`)!;
    for (const option of Object.keys(options)) expect(text).toContain(`| \`${option}\` |`);
  }
});

test("between: another table is stale, a README without marks is an error", () => {
  const other = between(root, "packages/mechanisms/linear/README.md", "options", table(["option"], [["a|b"]]));
  expect(other.text).toContain("<!-- options:begin -->\n| option |\n|---|\n| a\\|b |\n<!-- options:end -->");
  expect(stale(root, [other])).toHaveLength(1);
  expect(() => between(root, "packages/core/README.md", "options", "")).toThrow(/options:begin/);
});
