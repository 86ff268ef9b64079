/** The pages of the site that people write: every Markdown file of the repository except those that are no pages. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { markdownFiles } from "../../../tools/repo/docs/markdown.ts";
import { repository } from "../../../tools/repo/structure/conventions.ts";
import { matches, NOT_PAGES } from "./sections.ts";

export interface Page {
  /** The path of the Markdown file in the repository. */
  readonly source: string;
  /** The path of the page in the site, ending in `.md`. */
  readonly path: string;
  readonly title: string;
  readonly text: string;
}

/** Reads the pages. Throws an Error if one has no title. */
export function readPages(root: string): Page[] {
  return markdownFiles(root)
    .filter((source) => !NOT_PAGES.some((pattern) => matches(pattern, source)))
    .map((source) => pageOf(root, source));
}

export function pageOf(root: string, source: string): Page {
  const text = readFileSync(join(root, source), "utf8");
  const title = /^# (.+)$/m.exec(text)?.[1]?.replaceAll("`", "");
  if (title === undefined) throw new Error(`${source} has no title: a page begins with a line "# Title"`);
  return { source, path: pathOf(source), title, text };
}

/** Pages stand where their files stand, so that links between them stay what they are; a README is its folder's index. */
export const pathOf = (source: string): string => source.replace(/(^|\/)README\.md$/, "$1index.md");

/**
 * Returns what a link of a page becomes in the site: a page stays relative, a figure too, and any other file of the
 * repository is shown by its host. Throws an Error if nothing is there.
 */
export function resolveLink(root: string, sources: ReadonlySet<string>, from: string, link: string): string {
  if (/^[a-z]+:|^#|^\//i.test(link)) return link;
  const [target = "", anchor] = link.split("#");
  const path = posix.join(posix.dirname(from), decodeURI(target));
  const hash = anchor === undefined ? "" : `#${anchor}`;
  const readme = posix.join(path, "README.md");
  if (sources.has(path)) return pathOf(target) + hash;
  if (sources.has(readme)) return `${posix.join(target, "index.md")}${hash}`;
  if (path.startsWith("..") || !existsSync(join(root, path))) throw new Error(`${from} links to ${link}: no such file`);
  if (isFigure(path)) return link;
  const kind = statSync(join(root, path)).isDirectory() ? "tree" : "blob";
  return `${repository}/${kind}/main/${path}${hash}`;
}

export const isFigure = (path: string): boolean => /\.(svg|png|jpg)$/.test(path);
