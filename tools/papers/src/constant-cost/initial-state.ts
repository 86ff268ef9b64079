import { attention } from "@attnkit/core";
import { cpu, type NdArray } from "@attnkit/cpu";
import { about } from "@attnkit/logsumexp/about";
import type { Claim, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { plusMinus } from "./curves.ts";
import { paper } from "./paper.ts";
import { drawTokens, WIDTH } from "./stream.ts";

const LENGTH = 256;
/** Rows whose deviation is reported, counted from 1. */
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256] as const;
/** Deviations of y below this are rounding, above `WRONG` they are not: y is of order 1. */
const ROUNDING = 1e-10;
const WRONG = 1e-3;

const column = (row: number): string => `deviation at row ${row}`;

export const initialState: Claim = {
  name: "initial-state",
  sentence:
    "The recurrence of equations 4 to 6 computes the causal form of equation 1 when it starts from the initial state H_0 = 0 of equation 7.",
  paper,
  where: "Equation 7",
  rule:
    `y = exp(log y) from the state H_0 = 0 is compared with equation 1 in float64. Supported if no deviation exceeds ${ROUNDING}; not ` +
    `supported if the first row deviates by more than ${WRONG} with every seed; otherwise not decidable.`,
  deviations: [
    "Equation 7 is checked, not the author's code: that starts without a state, which is H_0 = -infinity.",
    "log v is standard normal and stored in m, z and s: H_0 = 0 is m = 0, z = 1, s = 1, because H^Z = m + log z, H^S = m + log s.",
  ],
  cells: () => [{ start: "H_0 = 0" }],
  async measure(_, { seed }) {
    const tokens = drawTokens(seed, LENGTH);
    const backend = cpu({ dtype: "float64" });
    const attend = attention(about.create({ logValues: true }), backend, { causal: true });
    const up = (x: ArrayLike<number>) => backend.upload(Float64Array.from(x), [x.length / WIDTH, WIDTH]);
    const block = { q: up(tokens.q), k: up(tokens.k), v: up(tokens.v) };
    const full = (value: number, rows: number, columns: number) =>
      backend.upload(new Float64Array(rows * columns).fill(value), [1, 1, rows, columns]);
    const zero = { m: full(0, 1, WIDTH), z: full(1, WIDTH, 1), s: full(1, WIDTH, WIDTH) };
    const before = (x: Float32Array) => up([...new Float32Array(WIDTH), ...x]);
    const prepended = { q: before(tokens.q), k: before(tokens.k), v: before(tokens.v) };

    const exact = equationOne(tokens.q, tokens.k, tokens.v);
    const fromZero = values(attend.sync({ ...block, state: zero }).y);
    const phantom = values(attend.sync(prepended).y).subarray(WIDTH);
    const fromNothing = values(attend.sync(block).y);
    const deviations = ROWS.map((row) => {
      const part = (x: Float64Array) => x.subarray((row - 1) * WIDTH, row * WIDTH);
      return [column(row), largest(part(fromZero), part(exact))] as const;
    });
    return {
      ...Object.fromEntries(deviations),
      "largest deviation": largest(fromZero, exact),
      "from a token of key 0 and value 1": largest(fromZero, phantom),
      "without a state": largest(fromNothing, exact),
    };
  },
  judge,
  figures: (table) => [
    {
      name: "initial-state",
      caption:
        "The initial state of equation 7 acts as one more token with key 0 and value 1: the first rows are wrong, later ones less so.",
      panels: [
        {
          x: { label: "row", scale: "log" },
          y: { label: "largest |y - equation 1|", scale: "log" },
          series: [{ name: "H_0 = 0", points: ROWS.map((row) => ({ x: row, y: table.spread(column(row)).mean })) }],
        },
      ],
    },
  ],
};

function judge(table: Table): Verdict {
  const first = table.spread(column(1));
  const last = table.spread(column(LENGTH));
  const most = (name: string) => Math.max(...table.values(name));
  const measured =
    `From H_0 = 0, row 1 deviates from equation 1 by ${plusMinus(first, 3)} and row ${LENGTH} by ${plusMinus(last, 5)}. ` +
    `The same rows after a token of key 0 and value 1 differ by at most ${most("from a token of key 0 and value 1").toExponential(1)}; ` +
    `without a state, which is H_0 = -infinity, equation 1 holds to ${most("without a state").toExponential(1)}.`;
  if (most("largest deviation") <= ROUNDING) return { ruling: "supported", measured };
  const wrong = table.values(column(1)).every((x) => x > WRONG);
  const explained = most("without a state") <= ROUNDING && most("from a token of key 0 and value 1") <= ROUNDING;
  return { ruling: wrong && explained ? "not supported" : "not decidable at this size", measured };
}

/** Equation 1 as it stands, causal, with v = exp(log v). Inputs are of order 1, so that no shift is needed. */
function equationOne(q: Float32Array, k: Float32Array, logV: Float32Array): Float64Array {
  const out = new Float64Array(q.length);
  for (let i = 0; i < q.length; i += WIDTH) {
    let total = 0;
    for (let j = 0; j <= i; j += WIDTH) {
      let weight = 0;
      for (let c = 0; c < WIDTH; c++) weight += Math.exp(q[i + c]! + k[j + c]!);
      total += weight;
      for (let f = 0; f < WIDTH; f++) out[i + f]! += weight * Math.exp(logV[j + f]!);
    }
    for (let f = 0; f < WIDTH; f++) out[i + f]! /= total;
  }
  return out;
}

const values = (logY: NdArray): Float64Array => Float64Array.from(logY.data, Math.exp);

const largest = (a: Float64Array, b: Float64Array): number =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);
