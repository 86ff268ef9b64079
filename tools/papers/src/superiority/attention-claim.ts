import { uniforms } from "@attnkit/measure/random";
import type { CellContext, Claim, Params, Values, Verdict } from "../experiment.ts";
import type { Figure } from "../figure.ts";
import type { Table } from "../table.ts";
import { ATTNKIT, type Compared } from "./compared.ts";
import { type Matrix, ownQueries } from "./datasets.ts";
import { randomSigns, type Units } from "./network.ts";
import { deng, SOURCE } from "./papers.ts";
import { type Proportion, proportion, words } from "./proportion.ts";
import { seedOf, separation, TRIALS } from "./separation.ts";
import { sweepCells, sweepFigure, sweepOf } from "./sweeps.ts";

/** A share of networks counts as high probability above the first number and as failure below the second. */
const [HIGH, LOW] = [0.9, 0.1];

const RULE =
  `With d = 62, m = 16, c = 0.8 and a1 = 0.7: supported if at every n the 95 % interval (Wilson, all networks of all seeds) of ` +
  `softmax's success lies above ${HIGH} and that of linear attention below ${LOW}; not supported if at some n softmax's lies ` +
  `below ${HIGH} or linear's above ${LOW}; otherwise not decidable.`;

const RANDOM = `${TRIALS} networks per seed share one position of the marked row; the theorem's probability is over the networks.`;

/** The claim for self-attention, q = k = v. Tests pass mechanisms that are broken on purpose. */
export function selfAttention(compared: Compared = ATTNKIT): Claim {
  return {
    name: "self-attention",
    sentence:
      "There are two self-attention data sets D0 and D1 that a four-layer network with softmax units and ReLU units tells apart with high probability, and that the same network with linear units in place of softmax does not.",
    paper: deng,
    where: "Informal main theorem for self-attention (from memory)",
    rule: RULE,
    deviations: [SOURCE, RANDOM],
    cells: (size) => sweepCells(size, 960),
    measure: async (params, context) => measure(compared, params, context, (keys, at) => ({ queries: keys, at })),
    judge,
    figures: (table) => [
      figure("self-attention", "Self-attention: softmax tells D1 from D0, linear attention does not.", table),
    ],
  };
}

const QUERIES = 16;

/** The claim for cross-attention: k = v are D0 or D1, the queries are the same for both. */
export function crossAttention(compared: Compared = ATTNKIT): Claim {
  return {
    name: "cross-attention",
    sentence:
      "There are two cross-attention data sets D0 and D1 that a four-layer network with softmax units and ReLU units tells apart with high probability, and that the same network with linear units in place of softmax does not.",
    paper: deng,
    where: "Informal main theorem for cross-attention (from memory)",
    rule: RULE,
    deviations: [
      SOURCE,
      RANDOM,
      `The paper's queries are not known here: ${QUERIES} random positive queries stand for them, the same for D0 and D1, and one of them adds up to (1 + a1) sqrt(log n), the others to sqrt(log n).`,
    ],
    cells: (size) => sweepCells(size, 7680),
    measure: async (params, context) =>
      measure(compared, params, context, (keys, _, a, uniform) => {
        const at = Math.floor(uniform() * QUERIES);
        return { queries: ownQueries(QUERIES, { n: keys.rows, d: keys.columns, a }, at, uniform), at };
      }),
    judge,
    figures: (table) => [
      figure(
        "cross-attention",
        "Cross-attention: with the same queries for both, softmax tells keys and values of D1 from D0, linear attention does not.",
        table,
      ),
    ],
  };
}

type Queries = (
  keys: Matrix,
  marked: number,
  a: number,
  uniform: () => number,
) => { readonly queries: Matrix; readonly at: number };

function measure(compared: Compared, params: Params, { seed }: CellContext, queriesOf: Queries): Values {
  const { n, d, m, c, a1 } = params as Record<"n" | "d" | "m" | "c" | "a1", number>;
  const chance = seedOf(seed, params);
  const uniform = uniforms(chance);
  const marked = Math.floor(uniform() * n);
  const signs = randomSigns(TRIALS, m, d, uniform);
  const pair = { n, d, a1, b: 1 - c, c, marked };
  const on = (units: Units) =>
    // Each of the four runs of a cell draws the same queries.
    separation(units, pair, signs, (keys) => queriesOf(keys, marked, a1, uniforms(chance + 1)));
  const [soft, lin] = [on(compared.softmax), on(compared.linear)];
  return {
    softmax: soft.success,
    linear: lin.success,
    softmaxOnD0: soft.firesOnD0,
    softmaxOnD1: soft.firesOnD1,
    linearOnD0: lin.firesOnD0,
    linearOnD1: lin.firesOnD1,
    softmaxWeight: soft.weight,
    linearWeight: lin.weight,
  };
}

function judge(table: Table): Verdict {
  const at = sweepOf(table, "n").map(({ value, at }) => ({
    n: value,
    softmax: proportion(at, "softmax"),
    linear: proportion(at, "linear"),
  }));
  const worst = at.reduce((x, y) => (y.softmax.share < x.softmax.share ? y : x));
  const best = at.reduce((x, y) => (y.linear.share > x.linear.share ? y : x));
  const measured =
    `Over n = ${at[0]!.n} to ${at.at(-1)!.n}, softmax's lowest success is ${words(worst.softmax)} at n = ${worst.n} ` +
    `and the highest of linear attention ${words(best.linear)} at n = ${best.n}.`;
  const every = (holds: (soft: Proportion, lin: Proportion) => boolean) =>
    at.every(({ softmax, linear }) => holds(softmax, linear));
  if (every((soft, lin) => soft.low > HIGH && lin.high < LOW)) return { ruling: "supported", measured };
  const refuted = !every((soft, lin) => soft.high >= HIGH && lin.low <= LOW);
  return { ruling: refuted ? "not supported" : "not decidable at this size", measured };
}

function figure(name: string, first: string, table: Table): Figure {
  const rest =
    "Softmax needs d large enough: with few channels, or a large b = 1 - c, averages of random signs pass the threshold on D0, more often the more sign vectors there are. Intervals: Wilson, 95 %.";
  return sweepFigure(name, `${first} ${rest}`, table);
}
