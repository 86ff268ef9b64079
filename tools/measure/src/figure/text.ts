/** Sizes of text in SVG, without a browser to measure it. */

/** The font size of every text of a figure, in pixels. */
export const FONT = 12;
export const LINE = 16;

/** The width of a text in pixels, an upper bound for common sans-serif fonts. */
export const widthOf = (text: string): number =>
  [...text].reduce((sum, c) => sum + FONT * (/[MWmw%@]/.test(c) ? 0.92 : /[ijl.,:;'|! ]/.test(c) ? 0.36 : 0.64), 0);

/** Breaks a text at spaces into lines of at most `width` pixels. A longer word keeps a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && widthOf(`${last} ${word}`) <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

export const escapeXml = (raw: string): string => raw.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** Lines of text from `x`, `y` on, where `y` is the baseline of the first. */
export function textLines(
  lines: readonly string[],
  x: number,
  y: number,
  { anchor = "start", name = "" }: { anchor?: "start" | "middle" | "end"; name?: string } = {},
): string {
  const kind = name ? ` class="${name}"` : "";
  return lines
    .map((line, i) => `<text x="${x}" y="${y + i * LINE}" text-anchor="${anchor}"${kind}>${escapeXml(line)}</text>`)
    .join("");
}
