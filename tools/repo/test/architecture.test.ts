import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { architecture, draw, type Node, nodesOf, reduced, rowsOf } from "../derive/architecture.ts";
import { stale } from "../derive/derived.ts";
import { readRepo } from "../structure/repo.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const node = (name: string, ...imports: string[]): Node => ({ name, kind: "tool", dir: name, about: "", imports });

describe("docs/architecture.svg; `pnpm derive` writes it", () => {
  test("is current", () => expect(stale(root, architecture(root)).map(({ path }) => path)).toEqual([]));

  test("shows every package, and the import of core by wgsl", () => {
    const nodes = nodesOf(readRepo(root).packages);
    const svg = readFileSync(`${root}/docs/architecture.svg`, "utf8");
    for (const { name } of nodes) expect(svg).toContain(`>${name}</text>`);
    expect(nodes.find(({ name }) => name === "wgsl")!.imports).toEqual(["core"]);
    expect(nodes.find(({ name }) => name === "core")!.imports).toEqual([]);
  });

  test("an import that follows from others is left out", () => {
    const nodes = [node("a", "b", "c"), node("b", "c"), node("c")];
    expect([...reduced(nodes)]).toEqual([
      ["a", ["b"]],
      ["b", ["c"]],
      ["c", []],
    ]);
    expect(rowsOf(nodes).map((row) => row.map(({ name }) => name))).toEqual([["c"], ["b"], ["a"]]);
    expect(draw(nodes).match(/marker-end/g)).toHaveLength(2);
  });

  test("a package stands near those that import it, and a long arrow has a place in each row", () => {
    const nodes = [node("a", "b", "d"), node("b", "c"), node("c"), node("d", "c")];
    expect(rowsOf(nodes).map((row) => row.map(({ name }) => name))).toEqual([["c"], ["b", "d"], ["a"]]);
    const long = [node("a", "b"), node("b", "c"), node("c"), node("e", "b", "x"), node("f", "e", "c"), node("x")];
    expect(rowsOf(long).map((row) => row.map(({ name }) => name))).toEqual([["c"], ["b", "x"], ["a", "e"], ["f"]]);
  });

  test("a circle of imports is an error that names it", () => {
    expect(() => rowsOf([node("a", "b"), node("b", "a")])).toThrow("packages import in a circle: a -> b -> a");
  });
});

test("docs/architecture.md names every folder of packages in its table", () => {
  const text = readFileSync(`${root}/docs/architecture.md`, "utf8");
  for (const { dir } of readRepo(root).packages) expect(text, dir).toContain(`](../${dir})`);
});
