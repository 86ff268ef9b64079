import { RULE } from "@attnkit/measure/bootstrap";
import * as f from "@attnkit/measure/format";
import type { CellResult, Results } from "@attnkit/measure/results";
import { markdownTable } from "markdown-table";
import { gpuRows, type Rows, ratioRows, throughputRows, warnings } from "./compare.ts";
import { MEMORY, memoryFit, memoryOf, threadsOf } from "./memory.ts";
import { rankOf } from "./rank.ts";

/** Returns all results of a run as Markdown tables. */
export function tables(results: Results): string {
  const { environment: e, options: o, input, cells, plan } = results;
  const [B, Hq, , d] = input.shapes.q!;
  const head = [
    `attnkit bench, ${results.started}${results.complete ? "" : " (incomplete)"}`,
    `${e.cpu}, ${e.cores} cores, ${e.platform} ${e.arch}, Node ${e.node}, commit ${e.commit ?? "unknown"}`,
    ...threadsOf(results),
    `Input: ${input.source}, B ${B}, ${Hq} query heads, ${input.shapes.k![1]} key heads, ${d} channels, causal, seed ${o.seed}, kernels ${o.kernels}`,
  ];
  const good = cells.filter((c) => c.status === "ok");
  return [
    [...head, ...warnings(results)].join("\n"),
    section("Answers", answers(cells)),
    ...results.unavailable.map((u) => `${u.backend} is not available here: ${u.reason}`),
    ...(good.some((c) => c.prefill.length) ? [section("Prefill", `${prefill(good)}\n\n${RANK}`)] : []),
    ...(good.some((c) => c.decode.length) ? [section("Decode, per token", `${decode(good)}\n\n${RANK}`)] : []),
    ...compared(RATIOS, ratioRows(results)),
    ...compared("Throughput", throughputRows(results)),
    ...compared("Dispatches and peak bytes of one call on the GPU", gpuRows(results)),
    ...(good.length ? [section("Growth", `${growth(good)}\n\n${MEMORY}`)] : []),
    ...(plan?.leftOut.length ? [leftOut(plan.leftOut)] : []),
  ].join("\n\n");
}

const section = (title: string, table: string): string => `${title}\n\n${table}`;

const RANK =
  "Rank: 1 plus the number of cells with as many tokens whose whole 95 % interval of the median lies below this one's. " +
  `${RULE}.`;

const RATIOS =
  "Median time of the cell divided by the median time of each column, with the 95 % interval (bootstrap over pairs of one round). Below 1, the cell is faster";

const compared = (title: string, { head, rows }: Rows): string[] => {
  if (rows.length === 0) return [];
  const align = head.map((_, i) => (rows.every((r) => !/^[\d.]/.test(r[i]!)) ? "l" : "r"));
  return [section(title, markdownTable([[...head], ...rows.map((r) => [...r])], { align }))];
};

function answers(cells: readonly CellResult[]): string {
  const rows = cells.map((c) => {
    const worst = c.checks.reduce<number | null>(
      (w, x) => (w === null || x.used === null ? null : Math.max(w, x.used)),
      0,
    );
    const verdict = {
      ok: "right",
      failed: "WRONG",
      unsupported: "unsupported",
      unchecked: "not checked",
      refused: "refused",
    }[c.status];
    const rowsChecked = c.checks.reduce((n, x) => n + x.rows, 0);
    return [c.id, verdict, c.checks.length ? f.percent(worst) : "", String(rowsChecked), c.reason ?? ""];
  });
  return markdownTable([["cell", "answers", "of error budget", "rows checked", "reason"], ...rows], {
    align: ["l", "l", "r", "r", "l"],
  });
}

function prefill(cells: readonly CellResult[]): string {
  const rows = cells.flatMap((c) =>
    c.prefill.map((p) => [
      c.id,
      String(p.length),
      f.time(p.median),
      f.spread(p),
      rankOf(cells, "prefill", c, p),
      String(p.samples.length),
      f.digits(p.cost.flops / 1e9),
      f.gflops(p.cost.flops, p.median),
      f.digits(p.length / p.median),
      memoryOf(c, p.length),
    ]),
  );
  const head = ["cell", "tokens", "median", "IQR", "rank", "samples", "GFLOP", "GFLOP/s", "tokens/s", "peak memory"];
  return markdownTable([head, ...rows], { align: ["l", ..."rrrrrrrrr"] });
}

function decode(cells: readonly CellResult[]): string {
  const rows = cells.flatMap((c) =>
    c.decode.map((p) => [
      c.id,
      String(p.context),
      f.time(p.median),
      f.spread(p),
      rankOf(cells, "decode", c, p),
      String(p.samples.length),
      f.gflops(p.cost.flops, p.median),
      f.bytes(p.stateBytes),
    ]),
  );
  return markdownTable([["cell", "context", "median", "IQR", "rank", "samples", "GFLOP/s", "state"], ...rows], {
    align: ["l", ..."rrrrrrr"],
  });
}

function growth(cells: readonly CellResult[]): string {
  const rows = cells.map((c) => [
    c.id,
    c.growth.prefill ? f.exponent(c.growth.prefill) : "too few lengths",
    c.growth.decode ? f.exponent(c.growth.decode) : "too few contexts",
    memoryFit(c),
  ]);
  return markdownTable(
    [["cell", "prefill time ~ tokens^", "decode time ~ context^", "peak memory ~ tokens^"], ...rows],
    {
      align: ["l", "r", "r", "r"],
    },
  );
}

/** Returns one line per cell and reason. */
function leftOut(items: NonNullable<Results["plan"]>["leftOut"]): string {
  const groups = new Map<string, string[]>();
  for (const i of items) {
    const budget = i.reason === "time budget";
    const key = `${i.cell}, ${i.what}${budget ? `, ${i.reason}` : ""}`;
    groups.set(key, [
      ...(groups.get(key) ?? []),
      budget ? `${i.size} tokens (about ${f.time(i.seconds)})` : `${i.size} tokens (${i.reason})`,
    ]);
  }
  const lines = [...groups].map(([key, sizes]) => `- ${key}: ${sizes.join(", ")}`);
  return `Left out. --budget SECONDS allows more time, checks against the reference included. --largest MIB allows larger tensors\n\n${lines.join("\n")}`;
}
