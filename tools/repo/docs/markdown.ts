import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A fenced block of a Markdown file. */
export interface Fence {
  readonly file: string;
  /** The line of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  /** The file that the block is, written after the language in brackets: "```ts [backend.ts]". */
  readonly name?: string;
  readonly text: string;
}

/** Returns every Markdown file that git tracks or would track, except change logs, changesets, API reports and templates. */
export function markdownFiles(root: string): string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], { cwd: root });
  return listed
    .toString()
    .split("\n")
    .filter((file) => file && !/^\.changeset\/|^tools\/create\/templates\/|CHANGELOG\.md$|\.api\.md$/.test(file))
    .sort();
}

export function fences(root: string, file: string): Fence[] {
  return fencesOf(file, readFileSync(join(root, file), "utf8"));
}

/**
 * Returns the fenced blocks. Throws an Error if a fence is not closed: the rest of the file would be taken for code.
 */
export function fencesOf(file: string, markdown: string): Fence[] {
  const out: Fence[] = [];
  let open: { line: number; language: string; name?: string; lines: string[] } | undefined;
  markdown.split("\n").forEach((text, i) => {
    const fence = /^```(.*)$/.exec(text.trimEnd());
    if (open && fence) {
      const { lines, ...of } = open;
      out.push({ file, ...of, text: lines.join("\n") });
      open = undefined;
    } else if (fence) {
      const [, language, name] = /^(.*?)(?:\s+\[(.+)\])?$/.exec(fence[1]!.trim())!;
      open = { line: i + 1, language: language!, ...(name !== undefined && { name }), lines: [] };
    } else open?.lines.push(text);
  });
  if (open) throw new Error(`${file}:${open.line}: the code fence is not closed`);
  return out;
}

/** Returns the targets of relative links, without anchors. */
export function relativeLinks(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1]!.replace(/#.*$/, ""))
    .filter((target) => target && !/^[a-z]+:/.test(target));
}

/** Returns the links with an anchor into a Markdown file: its path, empty for the same file, and the anchor. */
export function anchoredLinks(markdown: string): { target: string; anchor: string }[] {
  const found = markdown.matchAll(/\]\(((?:[^)\s#:]+\.md)?)#([^)\s]+)\)/g);
  return [...found].map((match) => ({ target: match[1]!, anchor: match[2]! }));
}

/** Returns the anchors of a Markdown file: those of its headings, as GitHub makes them, and those written as `<a id>`. */
export function anchors(markdown: string): Set<string> {
  const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/<[^>]*>/g, "")
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set([...headings, ...[...markdown.matchAll(/<a id="([^"]+)">/g)].map((match) => match[1]!)]);
}

/** Returns the command lines of a shell fence. Comments are removed and continued lines joined. */
export function commands(fence: Fence): string[] {
  return fence.text
    .replace(/\\\n\s*/g, " ")
    .split("\n")
    .map((line) => line.replace(/\s+#.*$/, "").trim())
    .filter((line) => line && !line.startsWith("#"));
}
