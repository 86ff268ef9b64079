import { vjp } from "@attnkit/core/backend";
import { cpu } from "@attnkit/cpu";
import { growth } from "@attnkit/measure/statistics";
import { min } from "simple-statistics";
import { columnAt, contextsIn } from "../constant-cost/contexts.ts";
import { againstContext, plusMinus } from "../constant-cost/curves.ts";
import { exponentOf } from "../constant-cost/exponent.ts";
import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { attended, D, drawStep } from "./kept.ts";
import { paper } from "./paper.ts";
import { COMPARED, type Subjects, subject } from "./subjects.ts";

const LENGTHS: Readonly<Record<Size, readonly number[]>> = {
  default: [256, 512, 1024, 2048],
  full: [256, 512, 1024, 2048, 4096],
};
/** Seconds of sampling per cell, and the fewest rounds over all lengths. */
const BUDGET: Readonly<Record<Size, number>> = { default: 3, full: 30 };
const FEWEST_ROUNDS = 3;

const LINEAR = 1.3;
const QUADRATIC = 1.5;
const TIME = "ms";

/** Times of a forward and a backward pass against the length. */
export function trainingTime(subjects: Subjects = COMPARED): Claim {
  return {
    name: "training-time",
    sentence: "Training takes time O(tLD) with the EA-series and O(L^2 D) with softmax.",
    paper,
    where: "Table 1; Abstract",
    rule:
      `The shortest time of a forward and a backward pass, out of ${FEWEST_ROUNDS} rounds or more, is fitted as L^e. Supported if e of EA-2 and EA-6 is below ${LINEAR}, e of softmax above ${QUADRATIC}, and EA-6 is ` +
      `faster than softmax at the largest L; not supported if e of EA-2 or EA-6 is above ${LINEAR}; each by its 95 % interval over seeds, ` +
      "widened by two standard errors of the fit; otherwise not decidable.",
    deviations: [
      `One attention call that is not causal, one head of ${D} channels in float32, in JavaScript on one thread; the paper times BERT-base on a GPU.`,
      "Softmax has no fused kernel, as in the paper.",
    ],
    alone: true,
    cells: () => Object.keys(subjects).map((mechanism) => ({ mechanism })),
    async measure({ mechanism }, { seed, size, signal, progress }) {
      const { ops } = cpu();
      const program = attended(subject(subjects, String(mechanism)), false);
      const drawn = LENGTHS[size].map((L) => ({ L, ...drawStep(seed, L), samples: [] as number[] }));
      const step = ({ inputs, seed: dy }: (typeof drawn)[number]) =>
        vjp(ops, program, inputs, { y: dy }, ["q", "k", "v"]);
      for (let i = 0; i < FEWEST_ROUNDS; i++) step(drawn[0]!); // until V8 has compiled the operations
      const start = performance.now();
      const share = () => (performance.now() - start) / (1000 * BUDGET[size]);
      // Rounds over all lengths, so that a slow moment of the machine hits all alike.
      for (let round = 0; round < FEWEST_ROUNDS || share() < 1; round++) {
        for (const one of drawn) {
          signal.throwIfAborted();
          const before = performance.now();
          step(one);
          one.samples.push(performance.now() - before);
        }
        progress(Math.min(1, share()));
      }
      const times = drawn.map(({ L, samples }) => ({ size: L, value: min(samples) }));
      const fit = growth(times)!;
      return {
        ...Object.fromEntries(times.map((t) => [columnAt(TIME, t.size), t.value])),
        exponent: fit.exponent,
        "standard error": fit.error,
      };
    },
    judge,
    figures: (table) => [
      {
        name: "training-time",
        caption: "Time of one forward and backward pass against the length.",
        panels: [
          {
            ...againstContext(table, TIME, "forward and backward (ms)"),
            x: { label: "length L (tokens)", scale: "log" },
            guides: [
              { slope: 1, label: "L" },
              { slope: 2, label: "L^2" },
            ],
          },
        ],
      },
    ],
  };
}

function judge(table: Table): Verdict {
  const names = table.distinct<string>("mechanism");
  const longest = contextsIn(table, TIME).at(-1)!;
  const e = (name: string) => exponentOf(table, name);
  const at = (mechanism: string) => table.where({ mechanism }).spread(columnAt(TIME, longest));
  const measured =
    `Time grows as L^e with e = ${names.map((name) => `${e(name).text} for ${name}`).join(", ")}. ` +
    `At L = ${longest} a pass takes ${names.map((name) => `${plusMinus(at(name), 0)} ms with ${name}`).join(", ")}.`;
  const series = ["EA-2", "EA-6"].map(e);
  if (series.some(({ low }) => low > LINEAR)) return { ruling: "not supported", measured };
  const holds =
    series.every(({ high }) => high < LINEAR) && e("softmax").low > QUADRATIC && at("EA-6").high < at("softmax").low;
  return { ruling: holds ? "supported" : "not decidable at this size", measured };
}
