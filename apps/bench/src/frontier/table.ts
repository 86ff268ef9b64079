import * as f from "@attnkit/measure/format";
import { markdownTable } from "markdown-table";
import { warnings } from "../report/compare.ts";
import { csv } from "../report/csv.ts";
import type { Frontier, Row } from "./frontier.ts";
import { crossingText, sentences, timeWithQuartiles } from "./wording.ts";

const NUMBERS = "rrrrrrrrrrr";

/** Returns the result as text: the machine, the sentences, and one table. */
export function report(frontier: Frontier): string {
  const { measured, rows, tokens, weightTokens, uniformEntropy, complete } = frontier;
  const { environment: e, input, options: o, plan } = measured;
  const [B, Hq, , d] = input.shapes.q!;
  const failed = rows.filter((row) => !row.accuracy);
  const none = rows.flatMap(({ label, accuracy, weights }) =>
    accuracy && "none" in weights ? [`${label} has no weights: ${weights.none}.`] : [],
  );
  const leftOut = (plan?.leftOut ?? []).map((x) => `Left out: ${x.cell}, ${x.what} of ${x.size} tokens: ${x.reason}.`);
  return [
    [
      `attnkit bench --frontier, ${measured.started}${complete ? "" : " (incomplete)"}`,
      `${e.cpu}, ${e.cores} cores, ${e.platform} ${e.arch}, Node ${e.node}, commit ${e.commit ?? "unknown"}`,
      `Input: ${input.source}, B ${B}, ${Hq} query heads, ${input.shapes.k![1]} key heads, ${d} channels, causal, seed ${o.seed}`,
      ...warnings(measured),
    ].join("\n"),
    ...sentences(frontier),
    table(frontier),
    `Distance: ||y - softmax|| / ||softmax|| at ${tokens} tokens, softmax in float64. Error: the same against the mechanism's own float64 reference. ` +
      `Entropy in nats and norm are those of the causal weights of the first ${weightTokens} tokens; equal weights have entropy ${f.digits(uniformEntropy)}, and sqrt N is ${f.digits(Math.sqrt(weightTokens))}. ` +
      "Frontier: no other mechanism on the backend is as close and as fast per decoded token, and better in one of them. Times are medians with quartiles. Crossover: the context from which the mechanism needs less than softmax on the same backend; for times interpolated, with its 95 % interval.",
    ...measured.unavailable.map((u) => `${u.backend} is not available here: ${u.reason}`),
    ...failed.map((row) => `${row.cell}: ${row.reason}`),
    ...[...new Set([...none, ...leftOut])],
  ].join("\n\n");
}

function table({ rows, tokens }: Frontier): string {
  const head = [
    ...["cell", "frontier", "distance", "cosine", "error", "entropy", "norm"],
    ...[`prefill of ${tokens}`, "decode per token", "state", "crossover bytes", "crossover time"],
  ];
  return markdownTable([head, ...rows.map(line)], { align: ["l", ...NUMBERS] });
}

function line(row: Row): string[] {
  const { accuracy: a, weights, prefill, decode, stateBytes, crossover } = row;
  const w = "none" in weights ? undefined : weights;
  return [
    row.cell,
    row.undominated === null ? "" : row.undominated ? "yes" : "no",
    ...(a ? [f.digits(a.distance), a.cosine.toFixed(3), a.error.toExponential(1)] : ["", "", ""]),
    ...[w?.entropy == null ? "" : f.digits(w.entropy), w ? f.digits(w.norm) : ""],
    prefill ? timeWithQuartiles(prefill) : "",
    decode ? `${timeWithQuartiles(decode)} at ${decode.context}` : "",
    stateBytes === null ? "" : f.bytes(stateBytes),
    crossover ? String(crossover.bytes ?? "never") : "",
    crossingText(crossover?.time ?? null),
  ];
}

const COLUMNS = [
  ...["cell", "mechanism", "backend", "dtype", "tokens", "distance", "cosine", "error", "errorOfBudget"],
  ...["weightTokens", "entropy", "norm", "prefill", "prefillQ1", "prefillQ3", "decodeContext", "decode", "decodeQ1"],
  ...["decodeQ3", "stateBytes", "constantState", "crossoverBytes", "crossoverTimeWhere", "crossoverTime"],
  ...["crossoverTimeLow", "crossoverTimeHigh", "undominated", "reason"],
];

/** Returns the rows as CSV, times in seconds. Absent numbers are empty. */
export const frontierCsv = ({ rows, tokens, weightTokens }: Frontier): string =>
  csv(
    COLUMNS,
    rows.map((row) => {
      const { accuracy: a, weights, prefill, decode, crossover } = row;
      const w = "none" in weights ? undefined : weights;
      const t = crossover?.time;
      return [
        ...[row.cell, row.label, row.backend, row.dtype, tokens, a?.distance, a?.cosine, a?.error, row.check?.used],
        ...[w && weightTokens, w?.entropy, w?.norm, prefill?.median, prefill?.q1, prefill?.q3],
        ...[decode?.context, decode?.median, decode?.q1, decode?.q3, row.stateBytes, row.constantState],
        ...[crossover?.bytes, t?.where, t?.tokens, t?.low.tokens, t?.high.tokens, row.undominated, row.reason],
      ];
    }),
  );
