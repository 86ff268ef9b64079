import * as f from "@attnkit/measure/format";
import { CALL_CLASSES } from "@attnkit/wgsl";
import { markdownTable } from "markdown-table";
import type { Record, RecordCell, RecordGroup } from "../record.ts";

/** A group as a Markdown table: the time of each cell, or why it has none. */
export function groupTable({ name, cells }: RecordGroup, software: boolean): string {
  const warning = software ? "\n\nSoftware adapter: correctness only; its times say nothing about a GPU." : "";
  const head = ["cell", "role", "time per call", "per second", "worst error of allowed", "dispatches", "remark"];
  const rows = cells.map((c) => [
    c.id,
    c.role,
    timeOf(c),
    rateOf(c),
    errorOf(c),
    c.gpu ? String(c.gpu.dispatches) : "",
    remark(c),
  ]);
  return `## ${name}${warning}\n\n${markdownTable([head, ...rows])}`;
}

/** Every finding as a sentence, the tiles of the kernels, and what was cut or does not run. */
export function conclusions({ findings, groups, onnx, budget, table }: Record): string {
  const not = groups.flatMap(({ name, cells }) =>
    cells.filter((c) => c.status !== "ok").map((c) => `- ${name}: ${c.id} was ${c.status}: ${c.reason}`),
  );
  return [
    "## Findings\n",
    ...(findings.length > 0
      ? findings.map(({ says }) => `- ${says}`)
      : ["None: no two cells that could be compared were timed."]),
    `\n${tilesOf(table)}`,
    ...(not.length > 0 ? [`\n## Not measured\n\nThe record's budget was ${budget} s.\n`, ...not] : []),
    ...(onnx ? ["\n## Exported models\n", onnx.says] : []),
  ].join("\n");
}

/** The tiles that the kernels used, as a sentence. */
function tilesOf(table: Record["table"]): string {
  if (table === null) return "The kernels used the portable tiles.";
  const each = Object.entries(table.tiles).map(
    ([adapter, tiles]) => `${Object.keys(tiles).length} of ${CALL_CLASSES.length} classes of calls on ${adapter}`,
  );
  const tuned = `${table.smoke ? "tuned on tiny calls" : "tuned"} ${table.started}${table.complete ? "" : ", interrupted"}`;
  return `The kernels used the tiles of ${table.file} (${tuned}): ${each.join("; ")}. Other calls used the portable tiles.`;
}

const timeOf = (c: RecordCell): string =>
  c.interval ? `${f.interval(f.time, c.median, c.interval)}${c.interval.readable ? "" : " noisy"}` : c.status;

function rateOf({ median, flops, bytes }: RecordCell): string {
  if (median === 0) return "";
  if (bytes !== null) return `${f.bytes(bytes / median)}`;
  return flops === null ? "" : `${f.gflops(flops, median)} GFLOP`;
}

function errorOf({ checks }: RecordCell): string {
  if (checks.length === 0) return "";
  const worst = checks.map(({ used }) => used).reduce((a, b) => (a === null || b === null ? null : Math.max(a, b)));
  return f.percent(worst);
}

const remark = ({ reason, note }: RecordCell): string => [reason, note].filter((text) => text !== undefined).join("; ");
