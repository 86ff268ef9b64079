import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { brokenLinks } from "../site/broken-links.ts";
import { home } from "../site/home.ts";
import { type Page, pathOf, readPages, resolveLink } from "../site/pages.ts";
import { arrange, matches } from "../site/sections.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const page = (source: string): Page => ({ source, path: pathOf(source), title: source, text: "" });

describe("sections", () => {
  test("take every page of the repository once", () => {
    const pages = readPages(root);
    const taken = arrange(pages).flatMap((entry) => entry.pages.map(({ source }) => source));
    expect(taken.sort()).toEqual(pages.map(({ source }) => source).sort());
  });

  test("refuse a page that none of them takes", () => {
    expect(() => arrange([page("README.md"), page("docs/lost.md")])).toThrow(
      /No section of the site has docs\/lost\.md:/,
    );
  });

  test("match names and folders", () => {
    expect(matches("docs/*.md", "docs/a.md")).toBe(true);
    expect(matches("docs/*.md", "docs/a/b.md")).toBe(false);
    expect(matches("**/test/**", "apps/x/test/a.md")).toBe(true);
    expect(matches("docs/a.md", "docs/aXmd")).toBe(false);
  });
});

describe("links", () => {
  const sources = new Set(["README.md", "docs/papers.md", "packages/core/README.md"]);

  test.each([
    ["README.md", "docs/papers.md#a", "docs/papers.md#a"],
    ["README.md", "packages/core", "packages/core/index.md"],
    ["docs/papers.md", "../packages/core/README.md", "../packages/core/index.md"],
    ["docs/papers.md", "../LICENSE", "https://github.com/attnkit/attnkit/blob/main/LICENSE"],
    ["docs/papers.md", "../tools/repo", "https://github.com/attnkit/attnkit/tree/main/tools/repo"],
    ["docs/papers.md", "#a", "#a"],
    ["docs/papers.md", "https://example.org/a", "https://example.org/a"],
  ])("in %s, %s becomes %s", (from, link, expected) => {
    expect(resolveLink(root, sources, from, link)).toBe(expected);
  });

  test("to nothing are refused", () => {
    expect(() => resolveLink(root, sources, "README.md", "docs/none.md")).toThrow(/README\.md links to docs\/none\.md/);
  });

  test("of the built site need a file and an anchor", () => {
    const visited = [
      {
        path: "index.html",
        links: ["", "a.html#x", "a.html#y", "b.html", "demo/index.html#tab=race"],
        ids: new Set<string>(),
      },
      { path: "a.html", links: [], ids: new Set(["x"]) },
    ];
    expect(brokenLinks(visited, new Set(["index.html", "a.html", "demo/index.html"]))).toEqual([
      "index.html links to a.html#y: no such anchor",
      "index.html links to b.html: no such file",
    ]);
  });
});

test("the home page needs a title and an introduction", () => {
  expect(home("# x\n\nWords.\n\nMore.\n").text).toBe("More.\n");
  expect(() => home("Words.\n")).toThrow(/must begin with a title/);
});
