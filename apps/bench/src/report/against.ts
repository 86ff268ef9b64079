import { type Pairs, RULE } from "@attnkit/measure/bootstrap";
import * as f from "@attnkit/measure/format";
import { summary } from "@attnkit/measure/statistics";
import { markdownTable } from "markdown-table";
import type { Compared, Outcome } from "../measure/against/compare.ts";
import { NOISY } from "./compare.ts";
import { csv } from "./csv.ts";

const VERDICTS = { slower: "SLOWER", faster: "FASTER", same: "", unclear: "unclear" } as const;

/** Returns the comparison of two builds as Markdown. `threshold` is a share, for example 0.1. */
export function againstTable({ compared, failed, skipped, leftOut, complete }: Outcome, threshold: number): string {
  const rows = compared.map((c) => [
    ...[c.cell, c.what, String(c.size), c.clock, f.time(timeOf(c, "own"))],
    ...[f.time(timeOf(c, "other"))],
    ...[f.interval(f.digits, c.ratio, c.interval), String(c.pairs.length), said(c)],
  ]);
  const head = ["cell", "of", "tokens", "clock", "this build", "other build", "ratio", "pairs", "verdict"];
  const left = leftOut.map((l) => `- ${l.cell}, ${l.what}, ${l.size} tokens: ${l.reason}`);
  const list = (title: string, lines: readonly string[]) => (lines.length ? [`${title}\n\n${lines.join("\n")}`] : []);
  return [
    ...(complete ? [] : ["Incomplete: the run was interrupted."]),
    ...(rows.length ? [`${markdownTable([head, ...rows], { align: [..."llrlrrrrl"] })}\n\n${noteOn(threshold)}`] : []),
    ...list(
      "Not compared",
      [...failed, ...skipped].map(({ cell, reason }) => `- ${cell}: ${reason}`),
    ),
    ...list("Left out", left),
    summaryOf(compared, threshold),
  ].join("\n\n");
}

/** Returns the comparison as CSV, one line per cell and size. Times are medians over pairs of processes, in seconds. */
export const againstCsv = ({ compared }: Outcome): string =>
  csv(
    [...["cell", "what", "tokens", "clock", "pairs", "own", "other", "ratio", "low", "high", "readable", "verdict"]],
    compared.map((c) => [
      ...[c.cell, c.what, c.size, c.clock, c.pairs.length],
      ...[timeOf(c, "own"), timeOf(c, "other")],
      ...[c.ratio, c.interval.low, c.interval.high, c.readable, c.verdict],
    ]),
  );

const noteOn = (threshold: number): string =>
  "Ratio: time of this build divided by that of the other one. A pair of fresh processes gives one ratio, of the fastest " +
  "samples. The ratio is the geometric mean over pairs, with its 95 % interval (Student). Above 1, this build is slower. Clock cpu: processor time of the process, where it computes " +
  "on one thread, so that other programs on the machine count little; wall: elapsed time. SLOWER and FASTER: the whole " +
  `interval is beyond ${f.percent(threshold)} after it is corrected for the number of comparisons (Bonferroni). The ` +
  "probability of any false flag in the table is at most 5 %. " +
  `"unclear": the ratio is beyond, but not for certain. ${RULE}.`;

function summaryOf(compared: readonly Compared[], threshold: number): string {
  const many = (n: number) => `${n} of ${compared.length}`;
  const count = (verdict: Compared["verdict"]) => compared.filter((c) => c.verdict === verdict).length;
  if (compared.length === 0) return "Nothing was compared.";
  const [slower, faster] = [count("slower"), count("faster")];
  const by = `by more than ${f.percent(threshold)}`;
  if (slower + faster === 0) return `No time differs ${by} for certain, of ${compared.length}.`;
  return `This build is slower ${by} in ${many(slower)} times, and faster in ${many(faster)}.`;
}

const said = (c: Compared): string => {
  const marks = [VERDICTS[c.verdict], ...(c.readable ? [] : [NOISY])].filter((x) => x !== "");
  return marks.join(", ");
};

/** Returns the median over pairs of the fastest sample, in seconds. */
const timeOf = ({ pairs }: Compared, side: keyof Pairs): number =>
  summary(pairs.map((p) => Math.min(...p[side]))).median;
