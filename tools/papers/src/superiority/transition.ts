import { uniforms } from "@attnkit/measure/random";
import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Figure, Series } from "../figure.ts";
import type { Table } from "../table.ts";
import { ATTNKIT, type Compared } from "./compared.ts";
import { crossing } from "./crossing.ts";
import { someRows } from "./datasets.ts";
import { randomSigns } from "./network.ts";
import { deng, SOURCE } from "./papers.ts";
import { pointOf, proportion, words } from "./proportion.ts";
import { seedOf, separation, TRIALS } from "./separation.ts";

/** The root of a (1 + a) = 1: (sqrt 5 - 1) / 2. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

const FIXED = { d: 34, m: 16, c: 0.8 };
const A1 = [0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9, 1];
const lengths = (size: Size) => (size === "full" ? [64, 512, 4096, 32768, 131072] : [64, 512, 4096]);

/** `n^((1+a)^2) / (n^((1+a)^2) + (n-1) n^(1+a))`: the marked key's share of the row of the marked query. */
export const softmaxWeight = (n: number, a: number): number => 1 / (1 + (n - 1) * n ** (-a * (1 + a)));

/** The transition of softmax's weight in a1. Tests pass mechanisms that are broken on purpose. */
export function transition(compared: Compared = ATTNKIT): Claim {
  return {
    name: "transition",
    sentence:
      "The two data sets differ in the size of one feature alone, a0 < 0.1 in D0 and a1 >= 0.7 in D1; checked here: between these bounds the feature comes to decide what softmax attends to, while linear attention stays close to uniform.",
    paper: deng,
    where: "Definition of the self-attention data sets, bounds of a0 and a1 (from memory)",
    rule: "Supported if at the largest n softmax's weight crosses 1/2 within 0.01 of (sqrt 5 - 1) / 2, the step from weight 0.1 to 0.9 is narrower at each larger n, no weight differs from the closed form by more than 1e-6, linear's weight stays below 4 / n, and the 95 % interval of softmax's success lies below 0.1 at a1 = 0.1 and above 0.9 at a1 = 0.7; not supported if one of the first four fails or an interval lies on the wrong side; otherwise not decidable.",
    deviations: [
      SOURCE,
      "The paper is not known to look at the weights or between the bounds. The value (sqrt 5 - 1) / 2 = 0.618 is derived from the construction: scores are log n, (1 + a) log n and (1 + a)^2 log n, so that the weight is a step at a (1 + a) = 1. The bounds of the paper lie on both sides of it.",
      "The row of the marked token and 15 other rows of self-attention are computed: rows do not depend on each other, and the rows without the marker have equal queries.",
    ],
    cells: (size) => lengths(size).flatMap((n) => A1.map((a1) => ({ n, a1 }))),
    async measure(params, { seed }) {
      const { n, a1 } = params as Record<"n" | "a1", number>;
      const uniform = uniforms(seedOf(seed, params));
      const marked = Math.floor(uniform() * n);
      const signs = randomSigns(TRIALS, FIXED.m, FIXED.d, uniform);
      const pair = { n, a1, d: FIXED.d, b: 1 - FIXED.c, c: FIXED.c, marked };
      const rows = (keys: Parameters<typeof someRows>[0]) => someRows(keys, marked, 15);
      const soft = separation(compared.softmax, pair, signs, rows);
      const lin = separation(compared.linear, pair, signs, rows);
      return {
        softmax: soft.success,
        linear: lin.success,
        softmaxWeight: soft.weight,
        linearWeight: lin.weight,
        formulaError: Math.abs(soft.weight - softmaxWeight(n, a1)),
      };
    },
    judge,
    figures: (table) => [figure(table)],
  };
}

function judge(table: Table): Verdict {
  const ns = table.distinct<number>("n").toSorted((a, b) => a - b);
  const n = ns.at(-1)!;
  const steps = ns.map((n) => stepAt(table.where({ n })));
  const { middle } = steps.at(-1)!;
  const widths = steps.map((step) => step.width);
  const error = Math.max(...table.values("formulaError"));
  const uniform = Math.max(...ns.map((n) => n * Math.max(...table.where({ n }).values("linearWeight"))));
  const [below, above] = [0.1, 0.7].map((a1) => proportion(table.where({ n, a1 }), "softmax")) as [
    ReturnType<typeof proportion>,
    ReturnType<typeof proportion>,
  ];
  const measured =
    `At n = ${n}, softmax's weight crosses 1/2 at a1 = ${middle.toFixed(4)} (expected ${GOLDEN.toFixed(4)}); the step from 0.1 to 0.9 ` +
    `is ${widths.map((w) => w.toFixed(3)).join(", ")} wide at n = ${ns.join(", ")}; the closed form is met to ${error.toExponential(1)}; ` +
    `linear's weight is at most ${uniform.toFixed(2)} / n; success is ${words(below)} at a1 = 0.1 and ${words(above)} at a1 = 0.7.`;
  const narrower = widths.every((w, i) => i === 0 || w < widths[i - 1]!);
  const shape = Math.abs(middle - GOLDEN) <= 0.01 && narrower && error <= 1e-6 && uniform < 4;
  if (shape && below.high < 0.1 && above.low > 0.9) return { ruling: "supported", measured };
  const refuted = !shape || below.low > 0.1 || above.high < 0.9;
  return { ruling: refuted ? "not supported" : "not decidable at this size", measured };
}

/** Where the mean weight over seeds crosses 1/2, and the distance in a1 from weight 0.1 to 0.9. NaN if it does not. */
function stepAt(table: Table): { readonly middle: number; readonly width: number } {
  const points = table
    .distinct<number>("a1")
    .map((a1) => ({ x: a1, weight: table.where({ a1 }).spread("softmaxWeight").mean }));
  return { middle: crossing(points, 0.5), width: crossing(points, 0.9) - crossing(points, 0.1) };
}

function figure(table: Table): Figure {
  const curves = (label: string, point: (at: Table, a1: number, n: number) => Series["points"][number]): Series[] =>
    table.distinct<number>("n").map((n) => ({
      name: `${label}n = ${n}`,
      points: table.distinct<number>("a1").map((a1) => point(table.where({ n, a1 }), a1, n)),
    }));
  const weight = (column: string) => (at: Table, x: number) => ({ x, y: at.spread(column).mean });
  const theory = table.distinct<number>("n").map((n): Series => {
    const points = Array.from({ length: 91 }, (_, i) => ({ x: 0.1 + i / 100, y: softmaxWeight(n, 0.1 + i / 100) }));
    return { name: `formula, n = ${n}`, theory: true, points };
  });
  const x = { label: "feature a1 of D1", scale: "linear" } as const;
  const guides = [{ at: "x", value: GOLDEN, label: "0.618" }] as const;
  const y = (label: string) => ({ label, scale: "linear" }) as const;
  return {
    name: "transition",
    caption:
      "The weight that the marked token gives to itself is a step at a1 = (sqrt 5 - 1) / 2 that sharpens with n. Linear attention stays uniform. The network fires as soon as weight times a1 passes the threshold's margin of 0.1, which is earlier.",
    panels: [
      {
        title: "softmax",
        x,
        y: y("weight of the marked key"),
        series: [...curves("", weight("softmaxWeight")), ...theory],
        guides,
      },
      { title: "linear", x, y: y("weight of the marked key"), series: curves("", weight("linearWeight")), guides },
      {
        title: "softmax",
        x,
        y: y("share of networks that tell D1 from D0"),
        series: curves("", (at, a1) => pointOf(a1, proportion(at, "softmax"))),
        guides,
      },
    ],
  };
}
