import type { GuideLine } from "./guides.ts";
import { escapeXml, LINE, widthOf } from "./text.ts";

/** A rectangle in pixels; y grows downwards. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A part of the drawing that words should not cover, in pixels. */
export interface Dot {
  readonly at: readonly [x: number, y: number];
  readonly radius: number;
}

/**
 * Writes the word of each guide beside its line, where it covers the fewest dots, other guides and other words. Of equal
 * places it takes the one next to the end of the line. `lines` are in pixels.
 */
export function placeWords(lines: readonly GuideLine[], dots: readonly Dot[], area: Box): string {
  const taken: Box[] = [];
  const words = lines.map((line) => {
    const others = lines.filter((other) => other !== line);
    const more = others.flatMap(({ from, to }) => between(from, to).map((at): Dot => ({ at, radius: 1 })));
    const boxes = candidates(line, area);
    const scores = boxes.map((box) => cost(box, [...dots, ...more], taken));
    const best = boxes[scores.indexOf(Math.min(...scores))]!;
    taken.push(best);
    return `<text class="guide" x="${Math.round(best.left)}" y="${Math.round(best.bottom - 4)}">${escapeXml(line.label)}</text>`;
  });
  return words.join("");
}

/** Points of a straight line, at most six pixels apart, with both ends. */
export function between(from: readonly [number, number], to: readonly [number, number]): [number, number][] {
  const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / 6));
  return Array.from({ length: steps + 1 }, (_, i) => {
    const t = i / steps;
    return [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];
  });
}

/** The places along a line, from the end at which people look for its word: the upper one, or the right one. */
function candidates({ kind, from, to, label }: GuideLine, area: Box): Box[] {
  const width = widthOf(label);
  const fitted = (x: number, base: number): Box => {
    const left = Math.min(Math.max(x, area.left + 4), area.right - width - 2);
    const bottom = Math.min(Math.max(base + 4, area.top + LINE), area.bottom - 2);
    return { left, right: left + width, top: bottom - LINE, bottom };
  };
  const [start, end] = kind === "slope" && from[1] < to[1] ? [to, from] : [from, to];
  return Array.from({ length: 13 }, (_, i) => 1 - i / 12).flatMap((t) => {
    const [x, y] = [start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1])];
    if (kind === "y") return [fitted(x - width, y - 5), fitted(x - width, y + 14)];
    const [after, before] = [
      fitted(x + (kind === "x" ? 6 : 8), y + 14),
      fitted(x - width - (kind === "x" ? 6 : 8), y + 14),
    ];
    return kind === "x" && x + 6 + width <= area.right ? [after, before] : [before, after];
  });
}

function cost(box: Box, dots: readonly Dot[], taken: readonly Box[]): number {
  const covered = dots.filter(
    ({ at: [x, y], radius: r }) => x > box.left - r && x < box.right + r && y > box.top - r && y < box.bottom + r,
  );
  const words = taken.filter(
    (other) => other.left < box.right && other.right > box.left && other.top < box.bottom && other.bottom > box.top,
  );
  // A covered mark is worse than a covered piece of its line, and two words on each other can't be read at all.
  return covered.reduce((sum, { radius }) => sum + radius, 0) + 100 * words.length;
}
