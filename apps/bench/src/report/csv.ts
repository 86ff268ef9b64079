import type { Results } from "@attnkit/measure/results";
import { pointsOf, rankOf, sizeOf } from "./rank.ts";

const COLUMNS = [
  ...[
    "machine",
    "kind",
    "cell",
    "mechanism",
    "backend",
    "dtype",
    "against",
    "what",
    "tokens",
    "samples",
    "value",
    "q1",
  ],
  ...["q3", "low", "high", "readable", "rank", "stateBytes"],
] as const;

type Line = Partial<Record<(typeof COLUMNS)[number], string | number | boolean | null>>;

/** Returns a table as CSV (RFC 4180), one line per row, the head first. Null and undefined are empty. */
export const csv = (head: readonly string[], rows: readonly (readonly unknown[])[]): string =>
  [head, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");

/**
 * Returns every time and every ratio of runs as CSV. `kind` is `time` (`value` is the median in seconds; empty on a
 * software adapter, where times have no meaning) or `ratio` (`value` is the median of `cell` divided by that of
 * `against`). `low` and `high` are the ends of the 95 % interval.
 */
export function resultsCsv(runs: readonly { readonly machine: string; readonly results: Results }[]): string {
  const lines = runs.flatMap(({ machine, results }) => [
    ...timesOf(results).map((line) => ({ machine, ...line })),
    ...ratiosOf(results).map((line) => ({ machine, ...line })),
  ]);
  return csv(
    COLUMNS,
    lines.map((line: Line) => COLUMNS.map((name) => line[name])),
  );
}

const timesOf = ({ cells }: Results): Line[] =>
  cells
    .filter((c) => c.status === "ok")
    .flatMap((c) =>
      (["prefill", "decode"] as const).flatMap((what) =>
        pointsOf(c, what).map((p) => ({
          ...{ kind: "time", cell: c.id, mechanism: c.mechanism, backend: c.backend, dtype: c.dtype, what },
          ...{ tokens: sizeOf(p), samples: p.samples.length },
          ...(c.adapter?.software ? {} : { value: p.median, q1: p.q1, q3: p.q3, ...p.interval }),
          rank: rankOf(cells, what, c, p),
          ...("stateBytes" in p && { stateBytes: p.stateBytes }),
        })),
      ),
    );

const ratiosOf = ({ cells, ratios }: Results): Line[] =>
  ratios.map(({ cell, against, what, size, rounds, ratio }) => {
    const { mechanism, backend, dtype } = cells.find((c) => c.id === cell)!;
    return { kind: "ratio", cell, mechanism, backend, dtype, against, what, tokens: size, samples: rounds, ...ratio };
  });

function field(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
