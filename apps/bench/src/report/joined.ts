import { RULE } from "@attnkit/measure/bootstrap";
import * as f from "@attnkit/measure/format";
import type { Results } from "@attnkit/measure/results";
import { markdownTable } from "markdown-table";
import { NOISY, say } from "./compare.ts";
import { pointsOf, rankOf, sizeOf } from "./rank.ts";

/** The results of one run under a name that is short enough for a column. */
export interface Machine {
  readonly machine: string;
  readonly results: Results;
}

/** Names the runs `A`, `B`, ... `Z`, `27`, ... in their order. */
export const named = (runs: readonly Results[]): Machine[] =>
  runs.map((results, i) => ({ machine: i < 26 ? String.fromCharCode(65 + i) : String(i + 1), results }));

/**
 * Returns the results of several machines as one report in Markdown: one column per machine. Ranks and ratios are those
 * inside a machine, because times of different machines or moments are not compared.
 */
export function joined(machines: readonly Machine[]): string {
  const sections = (["prefill", "decode"] as const).flatMap((what) => [
    ...table(`Median time, ${what}, and rank on the machine`, machines, timesOf(what)),
    ...table(`Ratios, ${what}`, machines, ratiosOf(what)),
  ]);
  return [
    list(machines),
    ...sections,
    "Each column is one run. Ranks and ratios compare cells of the same run only; times of different columns are not " +
      `compared. A ratio is that of median times, with its 95 % interval. ${RULE}.`,
  ].join("\n\n");
}

function list(machines: readonly Machine[]): string {
  const rows = machines.map(({ machine, results: { environment: e, cells, started, complete } }) => {
    const adapters = [...new Set(cells.flatMap((c) => (c.adapter ? [c.adapter.name] : [])))];
    const wrong = cells.filter((c) => c.status === "failed").length;
    return [
      ...[machine, e.cpu, String(e.cores), `${e.platform} ${e.arch}`, adapters.join(", "), e.node],
      ...[e.commit?.slice(0, 12) ?? "unknown", `${started}${complete ? "" : " (incomplete)"}`, String(wrong)],
    ];
  });
  const head = ["machine", "processor", "cores", "system", "adapters", "Node", "commit", "started", "wrong cells"];
  return markdownTable([head, ...rows]);
}

/** The text of a row, by its key: the cell, the other cell of a ratio, and the tokens. */
type Texts = ReadonlyMap<string, string>;

const keyOf = (cell: string, against: string, size: number): string => JSON.stringify([cell, against, size]);

const timesOf =
  (what: "prefill" | "decode") =>
  ({ cells }: Results): Texts =>
    new Map(
      cells
        .filter((c) => c.status === "ok")
        .flatMap((c) =>
          pointsOf(c, what).map((p): [string, string] => {
            const rank = rankOf(cells, what, c, p);
            const time = c.adapter?.software ? "n/a (software)" : f.time(p.median);
            return [keyOf(c.id, "", sizeOf(p)), rank === "" ? time : `${time}, ${rank === NOISY ? rank : `#${rank}`}`];
          }),
        ),
    );

const ratiosOf =
  (what: "prefill" | "decode") =>
  ({ ratios }: Results): Texts =>
    new Map(ratios.filter((r) => r.what === what).map((r) => [keyOf(r.cell, r.against, r.size), say(r.ratio)]));

function table(title: string, machines: readonly Machine[], textsOf: (results: Results) => Texts): string[] {
  const columns = machines.map(({ results }) => textsOf(results));
  const keys = [...new Set(columns.flatMap((texts) => [...texts.keys()]))];
  if (keys.length === 0) return [];
  const rows = keys.map((key) => {
    const [cell, against, size] = JSON.parse(key) as [string, string, number];
    return [against ? `${cell} / ${against}` : cell, String(size), ...columns.map((texts) => texts.get(key) ?? "")];
  });
  const head = ["cell", "tokens", ...machines.map((m) => m.machine)];
  return [`${title}\n\n${markdownTable([head, ...rows], { align: ["l", ...head.slice(1).map(() => "r")] })}`];
}
