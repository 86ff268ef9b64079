import * as f from "@attnkit/measure/format";
import type { CellResult, Ratio, Results } from "@attnkit/measure/results";
import { backendsOf, seriesOf } from "./series.ts";

/** A ratio that has a value: it was not taken on a software adapter. */
type Known = Ratio & { readonly ratio: NonNullable<Ratio["ratio"]> };

const WORDS = {
  decode: { does: "decodes a token", times: "decode times" },
  prefill: { does: "computes a prefill", times: "prefill times" },
} as const;

/**
 * Returns the results of a run in sentences: whether the answers are right, and for each backend how the fastest
 * mechanism compares with softmax, and softmax with the fastest baseline. Each sentence takes the largest size with a
 * ratio that can be read. Noisy ratios are named and not ranked.
 */
export function headline({ cells, ratios }: Results): string[] {
  const timed = cells.filter((c) => c.status === "ok");
  const known = ratios.filter((r): r is Known => r.ratio !== null);
  return [
    ...answers(cells),
    ...backendsOf(timed).flatMap((backend) => {
      const here = timed.filter((c) => c.backend === backend);
      const softmax = here.find((c) => c.baseline === null && c.mechanism === "softmax");
      return softmax ? onBackend(here, softmax, known) : [];
    }),
  ];
}

function answers(cells: readonly CellResult[]): string[] {
  const wrong = cells.filter((c) => c.status === "failed").map((c) => c.id);
  const right = cells.filter((c) => c.status === "ok").length;
  return [
    ...(wrong.length ? [`Wrong answers, therefore not timed: ${list(wrong)}.`] : []),
    ...(right ? [`${right} of ${cells.length} cells gave right answers and were timed.`] : []),
  ];
}

function onBackend(cells: readonly CellResult[], softmax: CellResult, ratios: readonly Known[]): string[] {
  const beside = ratios.filter((r) => r.against === softmax.id);
  const peers = cells.filter((c) => c.baseline !== null && c.mechanism === "softmax").map((c) => c.id);
  const besidePeers = ratios.filter((r) => r.cell === softmax.id && r.what === "prefill" && peers.includes(r.against));
  const both = [...beside, ...besidePeers];
  if (both.length > 0 && !both.some((r) => r.ratio.readable))
    return [`All ${both.length} comparisons with softmax on ${softmax.backend} are too noisy to be read.`];
  return [
    ...mechanisms("decode", beside, cells, softmax),
    ...mechanisms("prefill", beside, cells, softmax),
    ...baselines(besidePeers, cells, softmax),
  ];
}

/** Compares the fastest mechanism with softmax. */
function mechanisms(
  what: "decode" | "prefill",
  beside: readonly Known[],
  cells: readonly CellResult[],
  softmax: CellResult,
): string[] {
  const all = beside.filter((r) => r.what === what);
  const { does, times } = WORDS[what];
  if (all.length === 0) return [];
  const found = atLargest(all);
  if (!found) return [`On ${softmax.backend}, the ratios of ${times} to softmax's are too noisy to be read.`];
  const cellOf = (r: Known) => cells.find((c) => c.id === r.cell)!;
  const nameOf = (r: Known) => seriesOf(cellOf(r));
  const [best, ...others] = found.readable.toSorted((a, b) => a.ratio.value - b.ratio.value) as [Known, ...Known[]];
  const at = `At ${best.size} tokens on ${softmax.backend}`;
  const name = nameOf(best);
  const faster = best.ratio.high < 1;
  const first = faster
    ? `${at}, ${name} ${does} ${inverse(best)} as fast as softmax`
    : best.ratio.low > 1
      ? `${at}, softmax ${does} ${factor(best)} as fast as ${name}, the next mechanism`
      : `${at}, no mechanism ${does} faster than softmax for certain: ${name} takes ${factor(best)} its time`;
  const state = what === "decode" ? stateOf(cellOf(best), softmax, best.size, faster ? "its" : `${name}'s`) : "";
  const level = faster ? others.filter((r) => r.ratio.low <= best.ratio.high).map(nameOf) : [];
  const noisy = found.noisy.map(nameOf);
  return [
    [
      `${first}${state}.`,
      ...(level.length ? [`Its interval overlaps with ${level.length > 1 ? "those" : "that"} of ${list(level)}.`] : []),
      ...(noisy.length ? [`Too noisy to be ranked there: ${list(noisy)}.`] : []),
    ].join(" "),
  ];
}

/** Compares attnkit's softmax with the fastest baseline that computes softmax. */
function baselines(all: readonly Known[], cells: readonly CellResult[], softmax: CellResult): string[] {
  const found = atLargest(all);
  if (!found) return [];
  const best = found.readable.reduce((a, b) => (b.ratio.value > a.ratio.value ? b : a));
  const name = cells.find((c) => c.id === best.against)!.baseline!.name;
  const at = `At ${best.size} tokens on ${softmax.backend}`;
  const { does } = WORDS.prefill;
  if (best.ratio.high < 1) return [`${at}, attnkit's softmax ${does} ${inverse(best)} as fast as ${name}.`];
  if (best.ratio.low > 1) return [`${at}, ${name} ${does} ${factor(best)} as fast as attnkit's softmax.`];
  return [
    `${at}, attnkit's softmax takes ${factor(best)} the time of ${name} for a prefill: no difference is certain.`,
  ];
}

/** Returns the ratios of the largest size with one that can be read; undefined if there is none. */
function atLargest(all: readonly Known[]): { readable: Known[]; noisy: Known[] } | undefined {
  const sizes = all.filter((r) => r.ratio.readable).map((r) => r.size);
  if (sizes.length === 0) return undefined;
  const here = all.filter((r) => r.size === Math.max(...sizes));
  return { readable: here.filter((r) => r.ratio.readable), noisy: here.filter((r) => !r.ratio.readable) };
}

function stateOf(cell: CellResult, softmax: CellResult, context: number, whose: string): string {
  const [own, other] = [cell, softmax].map((c) => c.decode.find((p) => p.context === context)?.stateBytes ?? 0);
  if (!own || !other) return "";
  if (own === other) return `; ${whose} state is as large`;
  return own < other
    ? `; ${whose} state is ${f.digits(other / own)} times smaller`
    : `; ${whose} state is ${f.digits(own / other)} times larger`;
}

const factor = ({ ratio: { value, low, high } }: Known): string =>
  `${f.digits(value)} times (${f.digits(low)} to ${f.digits(high)})`;

const inverse = ({ ratio: { value, low, high }, ...more }: Known): string =>
  factor({ ...more, ratio: { value: 1 / value, low: 1 / high, high: 1 / low, readable: true } });

const list = (names: readonly string[]): string =>
  names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : (names[0] ?? "");
