import { digits, time } from "@attnkit/measure/format";
import type { TimeCrossover } from "./crossover.ts";
import type { Frontier, Row } from "./frontier.ts";

/** Says the result in sentences, one or two for each backend. */
export const sentences = (frontier: Frontier): string[] =>
  [...new Set(frontier.rows.map((row) => row.backend))].map((backend) =>
    sentenceOf(
      frontier,
      frontier.rows.filter((row) => row.backend === backend),
    ),
  );

function sentenceOf({ tokens }: Frontier, rows: readonly Row[]): string {
  const { backend, dtype } = rows[0]!;
  const where = `At ${tokens} tokens on ${backend} ${dtype}`;
  const constant = rows.filter((row) => row.accuracy && row.constantState && row.label !== "softmax");
  const closest = constant.toSorted((a, b) => a.accuracy!.distance - b.accuracy!.distance)[0];
  const best = rows.filter((row) => row.undominated).map((row) => row.label);
  const trade = best.length > 0 ? ` On the frontier of distance and time per decoded token: ${list(best)}.` : "";
  if (!closest) return `${where}, no mechanism with a state of constant size was compared with softmax.${trade}`;
  const { accuracy, crossover } = closest;
  const beats = crossover ? `; its state is ${bytesText(crossover.bytes)}${timeText(crossover.time)}` : "";
  return (
    `${where}, ${closest.label} is the closest to softmax of the mechanisms whose state has a constant size: ` +
    `its output differs from softmax's by ${digits(100 * accuracy!.distance)} % of the norm${beats}.${trade}`
  );
}

const list = (names: readonly string[]): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

const bytesText = (tokens: number | null): string =>
  tokens === null ? "never smaller than softmax's" : `smaller than softmax's from ${tokens} tokens`;

function timeText(crossover: TimeCrossover | null): string {
  if (crossover === null) return "";
  const { where, tokens } = crossover;
  if (where === "below") return `, and it decodes faster from the shortest context that was timed, ${tokens} tokens`;
  if (where === "above") return `, and it decodes no faster up to ${tokens} tokens, the longest context that was timed`;
  return `, and it decodes faster from about ${rough(tokens)} tokens`;
}

/** Returns a crossover as a table shows it: `about 820 (640 to 1100)`, `< 64` or `> 4096`. */
export function crossingText(crossover: TimeCrossover | null): string {
  if (crossover === null) return "";
  const one = ({ where, tokens }: Pick<TimeCrossover, "where" | "tokens">) =>
    ({ below: `< ${tokens}`, at: rough(tokens), above: `> ${tokens}` })[where];
  const [value, low, high] = [crossover, crossover.low, crossover.high].map(one);
  return low === value && high === value ? value! : `${value} (${low} to ${high})`;
}

/** An interpolated length, with two digits. */
const rough = (tokens: number): string => String(Number(tokens.toPrecision(2)));

/** Returns a time with its quartiles: `1.20 ms (1.10 ms to 1.31 ms)`. */
export const timeWithQuartiles = (p: { readonly median: number; readonly q1: number; readonly q3: number }): string =>
  `${time(p.median)} (${time(p.q1)} to ${time(p.q3)})`;
