import type { Mechanism } from "@attnkit/core";
import { uniforms } from "@attnkit/measure/random";
import { polynomial } from "@attnkit/polynomial";
import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Figure, Series } from "../figure.ts";
import type { Table } from "../table.ts";
import { crossing } from "./crossing.ts";
import { type Matrix, someRows } from "./datasets.ts";
import { randomSigns } from "./network.ts";
import { SONG_SOURCE, song } from "./papers.ts";
import { pointOf, proportion, words } from "./proportion.ts";
import { seedOf, separation, TRIALS } from "./separation.ts";

const FIXED = { d: 62, m: 16, c: 0.8, a1: 1.2 };
const DEGREES = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12];
const lengths = (size: Size) => (size === "full" ? [60, 240, 960, 3840] : [60, 240, 960]);
const [HIGHEST, LOWEST] = [DEGREES.at(-1)!, DEGREES[0]!];

/** `1 / (1 + (n-1) (1+a)^-p)`: the marked key's share of the row of the marked query. */
export const polynomialWeight = (n: number, p: number): number => 1 / (1 + (n - 1) * (1 + FIXED.a1) ** -p);

/** The degree at which that weight is 1/2. */
export const expectedDegree = (n: number): number => Math.log(n - 1) / Math.log(1 + FIXED.a1);

/** attnkit's polynomial attention does not normalise; its outputs are divided by the sums of its own weights. */
const attnkit = (power: number): Mechanism => polynomial({ power, form: "quadratic" });

/** The degree sweep. Tests pass mechanisms that are broken on purpose. */
export function degree(polynomialOf: (power: number) => Mechanism = attnkit): Claim {
  return {
    name: "degree",
    sentence:
      '"We demonstrate that with a sufficiently high degree β, a single-layer polynomial attention network can distinguish between D0 and D1. However, with a low degree β, the network cannot effectively separate the two datasets."',
    paper: song,
    where:
      "Abstract (quoted); by the table of contents Sections 5.1 (high degree), 5.2 (low degree) and 6.3 (main result)",
    rule: `Supported if at every n the 95 % interval (Wilson, all networks of all seeds) of success lies above 0.9 for degree ${HIGHEST} and below 0.1 for degree ${LOWEST}, and the degree at which the weight crosses 1/2 grows with n and is within 0.1 of log(n - 1) / log(1 + a1); not supported if an interval lies on the wrong side or the degree is off; otherwise not decidable.`,
    deviations: [
      SONG_SOURCE,
      "The abstract gives no degrees and no sizes. The rise of the degree with n is derived here from the construction, and the weights are normalised, which the abstract does not say.",
      "The data are those of the self-attention claim with a1 = 1.2; a common factor of the scores, such as log n or 1 / sqrt(d), cancels in a normalised polynomial.",
      "The row of the marked token and 15 other rows of self-attention are computed: rows do not depend on each other, and the rows without the marker have equal queries.",
    ],
    cells: (size) => lengths(size).flatMap((n) => DEGREES.map((degree) => ({ n, degree }))),
    async measure(params, { seed }) {
      const { n, degree } = params as Record<"n" | "degree", number>;
      const uniform = uniforms(seedOf(seed, params));
      const marked = Math.floor(uniform() * n);
      const { d, m, c, a1 } = FIXED;
      const units = { mechanism: polynomialOf(degree), divide: true };
      const rows = (keys: Matrix) => someRows(keys, marked, 15);
      const signs = randomSigns(TRIALS, m, d, uniform);
      const { success, firesOnD0, firesOnD1, weight } = separation(
        units,
        { n, d, a1, b: 1 - c, c, marked },
        signs,
        rows,
      );
      return { success, firesOnD0, firesOnD1, weight };
    },
    judge,
    figures: (table) => [figure(table)],
  };
}

function judge(table: Table): Verdict {
  const ns = table.distinct<number>("n").toSorted((a, b) => a - b);
  const each = ns.map((n) => {
    const at = table.where({ n });
    const weights = at
      .distinct<number>("degree")
      .map((x) => ({ x, weight: at.where({ degree: x }).spread("weight").mean }));
    return {
      n,
      high: proportion(at.where({ degree: HIGHEST }), "success"),
      low: proportion(at.where({ degree: LOWEST }), "success"),
      half: crossing(weights, 0.5),
    };
  });
  const sentences = each.map(
    ({ n, high, low, half }) =>
      `at n = ${n} success is ${words(low)} for degree ${LOWEST} and ${words(high)} for degree ${HIGHEST}, and the weight crosses 1/2 at degree ${half.toFixed(2)} (expected ${expectedDegree(n).toFixed(2)})`,
  );
  const measured = `${sentences.join("; ")}.`.replace(/^a/, "A");
  const right = each.every(({ n, half }) => Math.abs(half - expectedDegree(n)) <= 0.1);
  const grows = each.every(({ half }, i) => i === 0 || half > each[i - 1]!.half);
  if (right && grows && each.every(({ high, low }) => high.low > 0.9 && low.high < 0.1))
    return { ruling: "supported", measured };
  const refuted = !right || !grows || each.some(({ high, low }) => high.high < 0.9 || low.low > 0.1);
  return { ruling: refuted ? "not supported" : "not decidable at this size", measured };
}

function figure(table: Table): Figure {
  const curves = (point: (at: Table, x: number) => Series["points"][number]): Series[] =>
    table.distinct<number>("n").map((n) => ({
      name: `n = ${n}`,
      points: table.distinct<number>("degree").map((degree) => point(table.where({ n, degree }), degree)),
    }));
  const theory = table.distinct<number>("n").map(
    (n): Series => ({
      name: `formula, n = ${n}`,
      theory: true,
      points: Array.from({ length: 111 }, (_, i) => ({ x: 1 + i / 10, y: polynomialWeight(n, 1 + i / 10) })),
    }),
  );
  const x = { label: "degree p", scale: "linear" } as const;
  return {
    name: "degree",
    caption:
      "Polynomial attention tells D1 from D0 from some degree on, and that degree grows with log n: the weight of the marked key is 1/2 where (1 + a1)^p = n - 1. Softmax has no such limit on this data.",
    panels: [
      {
        x,
        y: { label: "share of networks that tell D1 from D0", scale: "linear" },
        series: curves((at, p) => pointOf(p, proportion(at, "success"))),
      },
      {
        x,
        y: { label: "weight of the marked key", scale: "linear" },
        series: [...curves((at, p) => ({ x: p, y: at.spread("weight").mean })), ...theory],
        guides: [{ at: "y", value: 0.5, label: "1/2" }],
      },
    ],
  };
}
