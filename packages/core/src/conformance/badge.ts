import { totals } from "./overview.ts";
import type { Report } from "./report.ts";

const LABEL = "attnkit conformance";
/** Pixels of one character of Verdana at 11 px, on average, and around a text. */
const CHARACTER = 6.6;
const PADDING = 12;

/**
 * Draws an SVG badge for reports: `attnkit conformance | 1912 of 1912`. It is green if every report conforms, and red
 * otherwise. Expected failures do not count as passed: `1910 of 1912`.
 */
export function badge(reports: readonly Report[]): string {
  const { passed, cases, conforms } = totals(reports);
  const value = `${passed} of ${cases}`;
  const [left, right] = [LABEL, value].map((text) => Math.ceil(text.length * CHARACTER + PADDING)) as [number, number];
  const text = (x: number, content: string, width: number) =>
    `<text x="${x}" y="14" textLength="${width - PADDING}" text-anchor="middle">${content}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="${LABEL}: ${value}">
  <title>${LABEL}: ${value}</title>
  <rect width="${left + right}" height="20" rx="3" fill="#444"/>
  <path d="M${left} 0h${right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H${left}z" fill="${conforms ? "#2a7f2e" : "#b3261e"}"/>
  <g fill="#fff" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">
    ${text(left / 2, LABEL, left)}
    ${text(left + right / 2, value, right)}
  </g>
</svg>
`;
}
