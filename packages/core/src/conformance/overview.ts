import type { CaseResult, Report } from "./report.ts";

/** The number of cases that passed or failed as expected, the number of all, and whether every report conforms. */
export interface Totals {
  readonly passed: number;
  readonly expected: number;
  readonly cases: number;
  readonly conforms: boolean;
}

export function totals(reports: readonly Report[]): Totals {
  const cases = reports.flatMap((report) => report.cases);
  return { ...counted(cases), conforms: reports.length > 0 && reports.every((report) => report.conforms) };
}

/**
 * Several reports as one Markdown table: a row for each mechanism, `ops` for the operations, and a column for each backend
 * and float type. A cell says how many of its cases passed.
 */
export function overview(reports: readonly Report[]): string {
  const rows = [...new Set(reports.flatMap(({ cases }) => cases.map((c) => c.mechanism)))];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(["mechanism", ...reports.map(({ backend }) => `${backend.name} ${backend.dtype}`)]),
    line(["---", ...reports.map(() => "---")]),
    ...rows.map((row) =>
      line([row, ...reports.map(({ cases }) => cell(cases.filter(({ mechanism }) => mechanism === row)))]),
    ),
    "",
  ].join("\n");
}

function cell(cases: readonly CaseResult[]): string {
  if (cases.length === 0) return "";
  const { passed, expected } = counted(cases);
  const failed = cases.length - passed - expected;
  const notes = [...(failed ? [`**${failed} fail**`] : []), ...(expected ? [`${expected} expected`] : [])];
  return `${passed} of ${cases.length}${notes.length ? ` (${notes.join(", ")})` : ""}`;
}

const counted = (cases: readonly CaseResult[]) => ({
  passed: cases.filter((c) => c.status === "pass").length,
  expected: cases.filter((c) => c.status === "expected-failure").length,
  cases: cases.length,
});
