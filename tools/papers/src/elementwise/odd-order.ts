import { AttentionError } from "@attnkit/core";
import { normals } from "@attnkit/measure/random";
import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { answers } from "./answers.ts";
import { paper } from "./paper.ts";
import { type OfOrder, ofOrder } from "./subjects.ts";

/** The t of EA-2 and EA-6, and two more for the minimum of the polynomial. */
const TS = [2, 4, 6, 8] as const;
const SEQUENCES: Readonly<Record<Size, number>> = { default: 20_000, full: 200_000 };
/** Tokens of the paper's forecasting. */
const TOKENS = 6;

const MINIMUM = "minimum of P_t";
const BY_CODE = "share <= 0 with t terms";
const BY_TEXT = "share <= 0 with order t";

/** Denominators by both readings of t. */
export function oddOrder(of: OfOrder = ofOrder): Claim {
  return {
    name: "odd-order",
    sentence: "With an even t, the highest order of the polynomial, the Taylor polynomial is positive.",
    paper,
    where: "Section 3, equations 5 to 11, and the code of Figure 2",
    rule:
      "The text calls t the highest order; the code and equations 7 to 11 have t terms, so that their highest order is t - 1. Denominators of equation 6 " +
      `are evaluated by both for t = 2 and 6, on ${TOKENS} causal tokens with standard normal q and k. Supported if all are positive by both; not supported if some are not.`,
    deviations: [
      "The denominators with t terms are evaluated here from the printed formula: attnkit refuses odd orders, which is checked.",
      "The minimum of the polynomial is measured through attnkit's mechanism, as exp(lse + k^2) for one key.",
    ],
    cells: () => TS.map((t) => ({ t })),
    async measure(params, { seed, size }) {
      const t = Number(params.t);
      if (!refused(of, t - 1))
        throw new Error(`element-wise attention of order ${t - 1} was made, expected ATTN_OPTION`);
      return { [MINIMUM]: minimum(of, t), ...shares(seed, SEQUENCES[size], t) };
    },
    judge,
    figures,
  };
}

/** The smallest value of P_order(x) for x = 2qk from -10 to 0, by the mechanism. */
function minimum(of: OfOrder, order: number): number {
  const key = 0.5;
  const q = Float64Array.from({ length: 10_001 }, (_, i) => -i / 1000);
  const { lse } = answers(of(order), { q, k: Float64Array.of(key), v: Float64Array.of(1), channels: 1 });
  return lse.reduce((least, x) => Math.min(least, Math.exp(x + key * key)), Number.POSITIVE_INFINITY);
}

function refused(of: OfOrder, order: number): boolean {
  try {
    of(order);
    return false;
  } catch (error) {
    if (error instanceof AttentionError && error.code === "ATTN_OPTION") return true;
    throw error;
  }
}

/** Shares of the denominators of causal rows that are not positive, with exponents 0..t-1 and 0..t. */
function shares(seed: number, sequences: number, t: number): Record<string, number> {
  const normal = normals(seed);
  const factors = Array.from({ length: t + 1 }, (_, m) => factor(m));
  let [code, text] = [0, 0];
  for (let s = 0; s < sequences; s++) {
    const z = new Float64Array(t + 1);
    for (let i = 0; i < TOKENS; i++) {
      const [q, k] = [normal(), normal()];
      let below = 0;
      for (let m = 0; m < t; m++) {
        z[m]! += k ** m * Math.exp(-k * k);
        below += z[m]! * q ** m * factors[m]!;
      }
      z[t]! += k ** t * Math.exp(-k * k);
      if (below <= 0) code++;
      if (below + z[t]! * q ** t * factors[t]! <= 0) text++;
    }
  }
  return { [BY_CODE]: code / (sequences * TOKENS), [BY_TEXT]: text / (sequences * TOKENS) };
}

/** `2^m / m!` */
const factor = (m: number): number => (m === 0 ? 1 : (factor(m - 1) * 2) / m);

function judge(table: Table): Verdict {
  const worst = (column: string, ts: readonly number[] = TS) =>
    ts.map((t) => Math.max(...table.where({ t }).values(column)));
  const [code2, code6] = [2, 6].map((t) => table.where({ t }).spread(BY_CODE).mean) as [number, number];
  const least = TS.map((t) => `${table.where({ t }).spread(MINIMUM).mean.toFixed(4)} at t = ${t}`);
  const measured =
    `With t terms ${(100 * code2).toPrecision(3)} % (t = 2) and ${(100 * code6).toPrecision(3)} % (t = 6) of the denominators are not positive; ` +
    `with the highest order t ${worst(BY_TEXT).every((x) => x === 0) ? "all are positive" : "some are not positive either"}. ` +
    `The polynomial's minimum through attnkit is ${least.join(", ")}. attnkit refused the odd orders ${TS.map((t) => t - 1).join(", ")} with ATTN_OPTION.`;
  const positive =
    [...worst(BY_CODE, [2, 6]), ...worst(BY_TEXT)].every((x) => x === 0) &&
    TS.every((t) => table.where({ t }).spread(MINIMUM).low > 0);
  return { ruling: positive ? "supported" : "not supported", measured };
}

function figures(table: Table): ReturnType<Claim["figures"]> {
  const points = (column: string) =>
    table.distinct<number>("t").map((t) => {
      const { mean, low, high } = table.where({ t }).spread(column);
      return { x: t, y: 100 * mean, low: 100 * low, high: 100 * high };
    });
  return [
    {
      name: "odd-order",
      caption: "Denominators that are not positive: with t terms, as the code prints it, the highest order is odd.",
      panels: [
        {
          x: { label: "t", scale: "linear" },
          y: { label: "denominators <= 0 (%)", scale: "linear" },
          series: [
            { name: "t terms (the code)", points: points(BY_CODE) },
            { name: "highest order t (the text)", points: points(BY_TEXT) },
          ],
        },
      ],
    },
  ];
}
