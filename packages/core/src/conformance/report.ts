import type { Backend } from "../backend/backend.ts";
import type { DType } from "../program/ops.ts";
import { neverRan } from "./one-kernel.ts";
import type { Item } from "./suite.ts";

/** The result of one case. Plain data. */
export interface CaseResult {
  readonly law: string;
  readonly rules: string;
  readonly mechanism: string;
  readonly options: string;
  readonly case: number;
  readonly title: string;
  readonly status: "pass" | "fail" | "expected-failure" | "unexpected-pass";
  /** Largest fraction of the error budget that a comparison used; 0 where nothing was compared within a tolerance. */
  readonly used: number;
  readonly ms: number;
  /** Absent where the case passed. The last line replays it. */
  readonly error?: string;
}

/** The result of a run. Plain data: `JSON.stringify` writes it. */
export interface Report {
  readonly format: "attnkit-conformance/1";
  readonly versions: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly backend: {
    readonly name: string;
    readonly kind: string;
    readonly device: string;
    readonly dtype: DType;
    readonly supports: Readonly<Record<string, unknown>>;
  };
  /** Present if one kernel was tested: its name, and how often it ran. */
  readonly kernel?: { readonly name: string; readonly calls: number };
  /** False if the run was stopped before its last case. */
  readonly complete: boolean;
  /** True if the run is complete and every case passed or failed as expected; with `kernel`, if that kernel ran too. */
  readonly conforms: boolean;
  readonly ms: number;
  readonly cases: readonly CaseResult[];
}

export function reportOf(
  backend: Backend<unknown>,
  { kernel, ...run }: Pick<Report, "seed" | "versions" | "complete" | "cases"> & { readonly kernel: Report["kernel"] },
): Report {
  const { name, kind, device, dtype, supports } = backend;
  const good = run.cases.every((c) => c.status === "pass" || c.status === "expected-failure");
  return {
    format: "attnkit-conformance/1",
    versions: run.versions,
    seed: run.seed,
    backend: { name, kind, device, dtype, supports: { ...supports } },
    ...(kernel && { kernel }),
    complete: run.complete,
    conforms: run.complete && good && kernel?.calls !== 0,
    ms: run.cases.reduce((ms, c) => ms + c.ms, 0),
    cases: run.cases,
  };
}

/** A column of the matrix: the mechanism, and its options where there are any. */
const columnOf = ({ mechanism, options }: Pick<Item, "mechanism" | "options">): string =>
  options === "{}" ? mechanism : `${mechanism} \`${options}\``;

/** The report as Markdown: a matrix of laws and mechanisms with the worst budget used, then what failed and how to replay it. */
export function markdown(report: Report): string {
  const { backend, cases, seed } = report;
  const count = (...status: CaseResult["status"][]) => cases.filter((c) => status.includes(c.status)).length;
  const head = [
    `# Conformance of ${backend.name}`,
    "",
    `${backend.device}; ${backend.dtype}; seed ${seed}; ${cases.length} cases in ${(report.ms / 1000).toFixed(1)} s.`,
    `${count("pass")} pass, ${count("fail", "unexpected-pass")} fail, ${count("expected-failure")} fail as expected.`,
    ...(report.kernel ? [kernelLine(report.kernel, backend)] : []),
    ...(report.complete ? [] : ["The run was stopped before its last case."]),
    ...Object.entries(report.versions).map(([name, version]) => `${name} ${version}`),
    "",
    "A cell says how many cases passed, and the largest share of the error budget that one of them used.",
    "",
  ];
  return [...head, ...matrix(cases), ...failures(cases), ""].join("\n");
}

const kernelLine = ({ name, calls }: NonNullable<Report["kernel"]>, backend: Report["backend"]): string =>
  calls === 0
    ? `**Failed**: ${neverRan(name, backend)}.`
    : `The kernel ${name} alone was tested; it ran ${calls} times.`;

function matrix(cases: readonly CaseResult[]): string[] {
  const columns = [...new Set(cases.map(columnOf))];
  const rows = [...new Set(cases.map((c) => `${c.law} (${c.rules})`))];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(["law", ...columns]),
    line(["---", ...columns.map(() => "---")]),
    ...rows.map((row) =>
      line([
        row,
        ...columns.map((column) =>
          cell(cases.filter((c) => columnOf(c) === column && `${c.law} (${c.rules})` === row)),
        ),
      ]),
    ),
  ];
}

function cell(cases: readonly CaseResult[]): string {
  if (cases.length === 0) return "";
  const passed = cases.filter((c) => c.status === "pass");
  const expected = cases.filter((c) => c.status === "expected-failure").length;
  const used = Math.max(0, ...passed.map((c) => c.used));
  const share = used > 0 ? `, ${Math.round(100 * used)} %` : "";
  const failed = cases.length - passed.length - expected;
  const bad = [...(failed ? [`**${failed} fail**`] : []), ...(expected ? [`${expected} expected`] : [])];
  return `${passed.length}${share}${bad.length ? ` (${bad.join(", ")})` : ""}`;
}

function failures(cases: readonly CaseResult[]): string[] {
  const failed = cases.filter((c) => c.status === "fail" || c.status === "unexpected-pass");
  if (failed.length === 0) return [];
  return [
    "",
    "## Failures",
    ...failed.flatMap((c) => [
      "",
      `### ${columnOf(c)}: ${c.law} ${c.case}, ${c.title}`,
      "",
      "```",
      c.error ?? "",
      "```",
    ]),
  ];
}
