import * as f from "@attnkit/measure/format";
import type { CellResult, DecodeResult, PrefillResult, Results } from "@attnkit/measure/results";
import { gpuRows, type Rows, ratioRows, throughputRows } from "./compare.ts";
import { csv } from "./csv.ts";
import { type Column, table } from "./html-table.ts";
import { memoryFit, memoryOf } from "./memory.ts";
import { rankOf } from "./rank.ts";

/** Writes the name of a cell with its line and mark, as HTML. */
export type Swatch = (id: string) => string;

interface Timed<P> {
  readonly cell: CellResult;
  readonly p: P;
}

const SOFTWARE = "n/a (software)";

/** The table of prefill times, or an empty text if there are none. */
export function prefillTable(cells: readonly CellResult[], swatch: Swatch): string {
  const rows = cells.flatMap((cell) => cell.prefill.map((p) => ({ cell, p })));
  const columns: Column<Timed<PrefillResult>>[] = [
    idOf(swatch),
    sizeOf("tokens", ({ p }) => p.length),
    ...timesOf<PrefillResult>(cells, "prefill"),
    number(
      "GFLOP",
      "flops",
      ({ p }) => p.cost.flops,
      (n) => f.digits(n / 1e9),
    ),
    { head: "GFLOP/s", csv: null, text: ({ cell, p }) => rate(cell, p) },
    number("operations", "operations", ({ p }) => p.cost.ops, String),
    number(
      "largest tensor",
      "largest tensor (bytes)",
      ({ cell, p }) => p.cost.largest * (cell.dtype === "float64" ? 8 : 4),
      f.bytes,
    ),
    {
      ...{ head: "peak memory", csv: "peak memory (bytes)", text: ({ cell, p }) => memoryOf(cell, p.length) },
      value: ({ cell, p }) => cell.memory.find((m) => m.length === p.length && m.resolved)?.growth ?? null,
    },
  ];
  return rows.length === 0 ? "" : table("prefill", columns, rows);
}

/** The table of decode times, or an empty text if there are none. */
export function decodeTable(cells: readonly CellResult[], swatch: Swatch): string {
  const rows = cells.flatMap((cell) => cell.decode.map((p) => ({ cell, p })));
  const columns: Column<Timed<DecodeResult>>[] = [
    idOf(swatch),
    sizeOf("context", ({ p }) => p.context),
    ...timesOf<DecodeResult>(cells, "decode"),
    { head: "GFLOP/s", csv: null, text: ({ cell, p }) => rate(cell, p) },
    number("state", "state (bytes)", ({ p }) => p.stateBytes, f.bytes),
  ];
  return rows.length === 0 ? "" : table("decode", columns, rows);
}

export function growthTable(cells: readonly CellResult[], swatch: Swatch): string {
  const fit = (of: (cell: CellResult) => CellResult["growth"]["prefill"], name: string): Column<CellResult>[] => [
    { csv: `${name} exponent`, value: (c) => of(c)?.exponent ?? null },
    { csv: `${name} standard error`, value: (c) => of(c)?.error ?? null },
  ];
  const said = (x: CellResult["growth"]["prefill"]) => (x ? f.exponent(x) : "too few sizes");
  return table<CellResult>(
    "growth",
    [
      { head: "cell", text: (c) => c.id, html: (c) => swatch(c.id) },
      { head: "prefill time ~ tokens^", csv: null, text: (c) => said(c.growth.prefill) },
      { head: "decode time ~ context^", csv: null, text: (c) => said(c.growth.decode) },
      { head: "peak memory ~ tokens^", csv: null, text: memoryFit },
      ...fit((c) => c.growth.prefill, "prefill"),
      ...fit((c) => c.growth.decode, "decode"),
      ...fit((c) => c.growth.memory, "peak memory"),
    ],
    cells,
  );
}

export function answersTable(cells: readonly CellResult[]): string {
  const verdicts = {
    ok: "right",
    failed: "wrong",
    unsupported: "unsupported",
    unchecked: "not checked",
    refused: "refused",
  };
  const worst = ({ checks }: CellResult) =>
    checks.reduce<number | null>((w, x) => (w === null || x.used === null ? null : Math.max(w, x.used)), 0);
  return table<CellResult>(
    "answers",
    [
      { head: "cell", text: (c) => c.id },
      {
        ...{ head: "answers", text: (c) => `${verdicts[c.status]}${c.reason ? `: ${c.reason}` : ""}` },
        strong: (c) => c.status === "failed",
      },
      {
        ...{ head: "worst error, of what is allowed", text: (c) => (c.checks.length ? f.percent(worst(c)) : "") },
        ...{ csv: "worst error (share of what is allowed)", value: (c) => (c.checks.length ? worst(c) : null) },
      },
      { head: "rows checked", text: (c) => String(c.checks.reduce((n, x) => n + x.rows, 0)) },
      { head: "device", text: (c) => c.device },
    ],
    cells,
  );
}

/** The table of ratios to baselines and to softmax. Its CSV has a line per ratio. */
export function ratiosTable(results: Results, swatch: Swatch): string {
  const head = ["cell", "of", "tokens", "against", "rounds", "ratio", "low", "high", "readable"];
  const lines = results.ratios.map(({ cell, what, size, against, rounds, ratio }) => [
    ...[cell, what, size, against, rounds],
    ...[ratio?.value, ratio?.low, ratio?.high, ratio?.readable],
  ]);
  return plain("ratios", ratioRows(results), swatch, csv(head, lines));
}

export const throughputTable = (results: Results, swatch: Swatch): string =>
  plain("throughput", throughputRows(results), swatch);

export const gpuTable = (results: Results, swatch: Swatch): string => plain("gpu", gpuRows(results), swatch);

export function leftOutTable(results: Results): string {
  const leftOut = results.plan?.leftOut ?? [];
  type Row = (typeof leftOut)[number];
  return leftOut.length === 0
    ? ""
    : table<Row>(
        "left-out",
        [
          { head: "cell", text: (l) => l.cell },
          { head: "what", text: (l) => l.what },
          { head: "tokens", text: (l) => String(l.size) },
          { head: "reason", text: (l) => l.reason },
          { head: "would take", csv: "would take (s)", text: (l) => f.time(l.seconds), value: (l) => l.seconds },
        ],
        leftOut,
      );
}

/** A table of texts, whose first column names a cell. */
const plain = (name: string, { head, rows }: Rows, swatch: Swatch, file?: string): string =>
  rows.length === 0
    ? ""
    : table<readonly string[]>(
        name,
        head.map((title, i) => ({
          ...{ head: title, text: (row) => row[i] ?? "" },
          ...(i === 0 && { html: (row: readonly string[]) => swatch(row[0] ?? "") }),
        })),
        rows,
        file,
      );

const idOf = <P>(swatch: Swatch): Column<Timed<P>> => ({
  ...{ head: "cell", text: ({ cell }) => cell.id, html: ({ cell }) => swatch(cell.id) },
});

const sizeOf = <P>(head: string, of: (row: Timed<P>) => number): Column<Timed<P>> => ({
  ...{ head, text: (row) => String(of(row)) },
});

const number = <P>(
  head: string,
  name: string,
  of: (row: Timed<P>) => number,
  say: (n: number) => string,
): Column<Timed<P>> => ({
  ...{ head, csv: name, text: (row) => say(of(row)), value: of },
});

function timesOf<P extends PrefillResult | DecodeResult>(
  cells: readonly CellResult[],
  what: "prefill" | "decode",
): Column<Timed<P>>[] {
  const time =
    (of: (p: P) => number | undefined) =>
    ({ cell, p }: Timed<P>) =>
      cell.adapter?.software ? null : (of(p) ?? null);
  const within = ({ p: { interval } }: Timed<P>) =>
    interval ? `${f.time(interval.low)} to ${f.time(interval.high)}` : "";
  return [
    {
      ...{ head: "median", csv: "median (s)", value: time((p) => p.median) },
      text: ({ cell, p }) => (cell.adapter?.software ? SOFTWARE : f.time(p.median)),
    },
    { head: "95 % interval", csv: null, text: (row) => (row.cell.adapter?.software ? "" : within(row)) },
    { csv: "low (s)", value: time((p) => p.interval?.low) },
    { csv: "high (s)", value: time((p) => p.interval?.high) },
    { head: "rank", text: ({ cell, p }) => rankOf(cells, what, cell, p) },
    { head: "samples", text: ({ p }) => String(p.samples.length) },
  ];
}

const rate = (cell: CellResult, p: PrefillResult | DecodeResult): string =>
  cell.adapter?.software ? SOFTWARE : f.gflops(p.cost.flops, p.median);
