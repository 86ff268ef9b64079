import type { Mechanism } from "@attnkit/core";
import { uniforms } from "@attnkit/measure/random";
import type { Claim, Size, Values, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { answers } from "./answers.ts";
import { paper } from "./paper.ts";
import { type OfOrder, ofOrder } from "./subjects.ts";

type Order = number | "exact";
const ORDERS: Readonly<Record<Size, readonly Order[]>> = { default: ["exact", 2, 6], full: ["exact", 2, 4, 6, 12, 20] };
/** Keys lie on both sides of 0, one at random in each step up to this distance. */
const [STEP, FARTHEST] = [0.02, 5.5];
const QUERIES = [0.25, 0.5, 1, 1.5, 2, 3, 5, 20] as const;

/** The order that is judged, its queries, and how far from a query the most attended key may lie. */
const JUDGED = 6;
const UP_TO = 3;
const NEAR = 0.1;

/** Weights may differ from the formula by this share of the largest one. */
const ROUNDING = 1e-9;

const peakAt = (q: number): string => `most attended key at ${q}`;
const ratioAt = (q: number): string => `w(k) / w(-k) at ${q}`;

/** Queries whose nearest key the exact form can find: the series answers the others as well. */
const queriesOf = (order: Order) => QUERIES.filter((q) => order !== "exact" || q < FARTHEST);

/** The key that receives most weight, against the query. */
export function argmaxShift(of: OfOrder = ofOrder): Claim {
  return {
    name: "argmax-shift",
    sentence:
      'Element-wise attention circumvents the built-in performance degradation factors of linear attention, such as diminished "spikiness".',
    paper,
    where: "Abstract; equations 1 to 6",
    rule:
      `The most attended key of exact EA is the one nearest to the query. Supported if that of EA-${JUDGED} is within ${NEAR} of every query up to ${UP_TO}, ` +
      "for every seed; otherwise not supported. Not decidable if the control fails: exact EA has to find its key.",
    deviations: [
      "The paper shows the spikiness of exact EA by its formula and does not measure that of the series.",
      `Keys are spread evenly from ${-FARTHEST} to ${FARTHEST}; the values are the identity, so that the output is the weights.`,
    ],
    cells: (size) => ORDERS[size].map((order) => ({ order })),
    async measure(params, { seed }) {
      const order = params.order as Order;
      const queries = queriesOf(order);
      const keys = symmetricKeys(seed);
      const weights = weightsOf(of(order), queries, keys);
      const values = queries.map((q, i): Values => {
        const row = weights.subarray(i * keys.length, (i + 1) * keys.length);
        refuseOther(order, row, q, keys);
        const top = row.reduce((best, w, j) => (w > row[best]! ? j : best), 0);
        return { [peakAt(q)]: keys[top]!, [ratioAt(q)]: row[top]! / row[keys.length - 1 - top]! };
      });
      return Object.assign({}, ...values);
    },
    judge,
    figures,
  };
}

/** Ascending; the mirror image of key j is key `length - 1 - j`. */
function symmetricKeys(seed: number): Float64Array {
  const uniform = uniforms(seed);
  const positive = Array.from({ length: Math.round(FARTHEST / STEP) }, (_, i) => (i + uniform()) * STEP);
  return Float64Array.from([...positive.map((k) => -k).reverse(), ...positive]);
}

/** Returns the weights `[queries, keys]`: every channel has the same q and k, and channel c the value 1 at key c alone. */
function weightsOf(mechanism: Mechanism, queries: readonly number[], keys: Float64Array): Float64Array {
  const n = keys.length;
  return answers(mechanism, {
    q: Float64Array.from({ length: queries.length * n }, (_, i) => queries[Math.floor(i / n)]!),
    k: Float64Array.from({ length: n * n }, (_, i) => keys[Math.floor(i / n)]!),
    v: Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
    channels: n,
  }).y;
}

/** Throws if weights are not those of equation 6 (or 3): the run would measure another mechanism. */
function refuseOther(order: Order, row: Float64Array, q: number, keys: Float64Array): void {
  // exp(-q^2) of equation 3 keeps the exact weights in range and cancels.
  const raw = keys.map((k) =>
    order === "exact" ? Math.exp(-((q - k) ** 2)) : Math.exp(-k * k) * taylor(2 * q * k, order),
  );
  const sum = raw.reduce((a, b) => a + b, 0);
  const largest = Math.max(...raw) / sum;
  const worst = row.reduce((most, w, j) => Math.max(most, Math.abs(w - raw[j]! / sum)), 0);
  if (!(worst <= ROUNDING * largest))
    throw new Error(
      `element-wise attention of order ${order}: a weight at q = ${q} differs from its formula by ${worst}`,
    );
}

function taylor(x: number, order: number): number {
  let [term, sum] = [1, 1];
  for (let m = 1; m <= order; m++) {
    term *= x / m;
    sum += term;
  }
  return sum;
}

function judge(table: Table): Verdict {
  const off = (order: Order) => {
    const rows = table.where({ order });
    const judged = queriesOf(order).filter((q) => q <= UP_TO);
    return judged.map((q) => ({ q, by: Math.max(...rows.values(peakAt(q)).map((k) => Math.abs(k - q))) }));
  };
  const orders = table.distinct<Order>("order").filter((order) => order !== "exact");
  const shown = (order: Order) => {
    const rows = table.where({ order });
    const parts = [1, 2, 20].map(
      (q) => `${rows.spread(peakAt(q)).mean.toFixed(2)} (${rows.spread(ratioAt(q)).mean.toPrecision(2)}) at q = ${q}`,
    );
    return `EA-${order} ${parts.join(", ")}, limit ${Math.sqrt(Number(order) / 2).toFixed(2)}`;
  };
  const farthest = off(JUDGED).findLast(({ by }) => by <= NEAR)?.q;
  const measured =
    `The most attended key, with the ratio of the weights of k and -k: ${orders.map(shown).join("; ")}. ` +
    `EA-${JUDGED} finds the key at the query ${farthest === undefined ? "nowhere" : `up to q = ${farthest}`}; ` +
    `exact EA is at most ${Math.max(...off("exact").map(({ by }) => by)).toFixed(3)} off.`;
  if (!off("exact").every(({ by }) => by <= NEAR)) return { ruling: "not decidable at this size", measured };
  return { ruling: off(JUDGED).every(({ by }) => by <= NEAR) ? "supported" : "not supported", measured };
}

function figures(table: Table): ReturnType<Claim["figures"]> {
  const orders = table.distinct<Order>("order");
  const name = (order: Order) => (order === "exact" ? "EA exact" : `EA-${order}`);
  const series = (column: (q: number) => string, shown: readonly Order[]) =>
    shown.map((order) => ({
      name: name(order),
      points: queriesOf(order).map((q) => {
        const { mean, low, high } = table.where({ order }).spread(column(q));
        return { x: q, y: mean, ...(low > 0 && { low, high }) };
      }),
    }));
  const limits = orders.flatMap((order) =>
    order === "exact" ? [] : [{ at: "y" as const, value: Math.sqrt(order / 2), label: `sqrt(${order} / 2)` }],
  );
  return [
    {
      name: "argmax-shift",
      caption:
        "Left: the key with the largest weight follows the query in the exact form and stops near sqrt(n / 2) in the series. Right: how much more weight it has than its mirror image.",
      panels: [
        {
          title: "most attended key",
          x: { label: "query q", scale: "log" },
          y: { label: "key k", scale: "log" },
          series: series(peakAt, orders),
          guides: limits,
        },
        {
          title: "weight of k over weight of -k",
          x: { label: "query q", scale: "log" },
          y: { label: "w(k) / w(-k); 1: the sign is lost", scale: "log" },
          series: series(
            ratioAt,
            orders.filter((order) => order !== "exact"),
          ),
        },
      ],
    },
  ];
}
