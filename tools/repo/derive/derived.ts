import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A file of the repository, and the text that it should have. */
export interface Derived {
  readonly path: string;
  readonly text: string;
}

/** The files that are missing, or whose text differs from the derived one. */
export const stale = (root: string, files: readonly Derived[]): Derived[] =>
  files.filter(({ path, text }) => !existsSync(join(root, path)) || readFileSync(join(root, path), "utf8") !== text);

/** Replaces what stands between `<!-- name:begin -->` and `<!-- name:end -->`. Throws where the two marks are missing. */
export function between(
  root: string,
  path: string,
  name: string,
  text: string,
  file: string = readFileSync(join(root, path), "utf8"),
): Derived {
  const [begin, end] = [`<!-- ${name}:begin -->\n`, `<!-- ${name}:end -->`];
  const [from, to] = [file.indexOf(begin), file.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`${path} has no lines ${begin.trim()} and ${end}; a table goes between them`);
  return { path, text: file.slice(0, from) + begin + text + file.slice(to) };
}

/** A Markdown table with one space around each cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return [line(head), `|${head.map(() => "---|").join("")}\n`, ...rows.map(line)].join("");
}
