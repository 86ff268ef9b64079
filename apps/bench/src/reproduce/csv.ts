import type { Assessment } from "@attnkit/papers/run";

/**
 * Returns every row of every claim as CSV (RFC 4180): experiment, claim, seed, then all parameters and all measured
 * columns. Fields of other claims stay empty. It holds no times of cells, so that equal seeds give equal bytes.
 */
export function csv(assessments: readonly Assessment[]): string {
  const rows = assessments.flatMap(({ experiment, claim, rows: own }) =>
    own.map((row) => ({ experiment: experiment.name, claim: claim.name, ...row })),
  );
  const params = [...new Set(rows.flatMap((row) => Object.keys(row.params)))];
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row.values)))].filter((name) => !params.includes(name));
  const lines = rows.map((row) => [
    ...[row.experiment, row.claim, row.seed],
    ...params.map((name) => row.params[name] ?? row.values[name]),
    ...columns.map((name) => row.values[name]),
  ]);
  const all = [["experiment", "claim", "seed", ...params, ...columns], ...lines];
  return all.map((line) => `${line.map(field).join(",")}\r\n`).join("");
}

function field(value: string | number | boolean | undefined): string {
  const text = value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
