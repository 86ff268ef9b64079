import { normals } from "@attnkit/measure/random";
import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Panel } from "../figure.ts";
import type { Spread, Table } from "../table.ts";
import { answers, type OneHead } from "./answers.ts";
import { paper } from "./paper.ts";
import { type OfOrder, ofOrder } from "./subjects.ts";

const ORDERS = [2, 4, 6, 8, 12] as const;
/** Standard deviations of q and k. */
const NORMED = 0.58;
const DEVIATIONS = [0.25, 0.5, NORMED, 1, 1.5, 2, 3] as const;
const [QUERIES, CHANNELS] = [32, 128];
const KEYS: Readonly<Record<Size, number>> = { default: 256, full: 2048 };

/** The order that is judged, and the error that it may have at NORMED as a share of the output. */
const JUDGED = 6;
const BOUND = 0.1;

const relative = (order: number): string => `relative error of EA-${order}`;

/** The error of the series against the exact form. */
export function taylorError(of: OfOrder = ofOrder): Claim {
  return {
    name: "taylor-error",
    sentence:
      "Element-wise attention approximates the quadratic complexity term exp(q_ic k_jc) with a Taylor polynomial.",
    paper,
    where: "Abstract; equations 4 to 6",
    rule:
      `The error is the root mean square of EA-n minus exact EA over that of exact EA, for normal q, k and v. Supported if that of EA-${JUDGED} is ` +
      `below ${BOUND} where q and k have the standard deviation ${NORMED}, and at every deviation each higher order has a smaller error; ` +
      "not supported if either fails; by the 95 % interval over seeds, otherwise not decidable.",
    deviations: [
      "The paper gives no error and no size of q and k up to which the approximation is meant to hold.",
      `Unit inputs times weights uniform in ±1/sqrt(D), a common start of dense layers, have the standard deviation ${NORMED}.`,
    ],
    cells: () => DEVIATIONS.map((deviation) => ({ deviation })),
    async measure({ deviation }, { seed, size }) {
      const head = draw(seed, Number(deviation), KEYS[size]);
      const exact = answers(of("exact"), head).y;
      const errors = ORDERS.map((order) => {
        const { y } = answers(of(order), head);
        return [order, rms(y.map((x, i) => x - exact[i]!))] as const;
      });
      const output = rms(exact);
      return {
        "rms of exact EA": output,
        ...Object.fromEntries(errors.map(([order, e]) => [`error of EA-${order}`, e])),
        ...Object.fromEntries(errors.map(([order, e]) => [relative(order), e / output])),
      };
    },
    judge,
    figures: (table) => [
      {
        name: "taylor-error",
        caption:
          "Error of the series against the exact form as a share of the output: each order helps for small inputs, and none for large ones.",
        panels: [panel(table, "log"), panel(table, "linear")],
      },
    ],
  };
}

function panel(table: Table, scale: "log" | "linear"): Panel {
  return {
    title: `${scale} errors`,
    x: { label: "standard deviation of q and k", scale: "log" },
    y: { label: "error / output (root mean squares)", scale },
    series: ORDERS.map((order) => ({
      name: `EA-${order}`,
      points: table.distinct<number>("deviation").map((x) => {
        const { mean, low, high } = table.where({ deviation: x }).spread(relative(order));
        // A logarithmic axis has no place for an interval that reaches 0.
        return { x, y: mean, ...((low > 0 || scale === "linear") && { low, high }) };
      }),
    })),
    guides: [{ at: "x", value: NORMED, label: "first weights" }],
  };
}

function draw(seed: number, deviation: number, keys: number): OneHead {
  const normal = normals(seed);
  const rows = (n: number, scale: number) => Float64Array.from({ length: n * CHANNELS }, () => scale * normal());
  return { q: rows(QUERIES, deviation), k: rows(keys, deviation), v: rows(keys, 1), channels: CHANNELS };
}

const rms = (x: Float64Array): number => Math.sqrt(x.reduce((sum, y) => sum + y * y, 0) / x.length);

function judge(table: Table): Verdict {
  const at = (deviation: number, order: number): Spread => table.where({ deviation }).spread(relative(order));
  const judged = at(NORMED, JUDGED);
  const deviations = table.distinct<number>("deviation").toSorted((a, b) => a - b);
  const steps = deviations.flatMap((deviation) =>
    ORDERS.slice(1).map((order, i) => {
      const [higher, lower] = [order, ORDERS[i]!].map((n) => table.where({ deviation }).values(relative(n)));
      return { deviation, order, falls: higher!.every((x, j) => x < lower![j]!) };
    }),
  );
  const stuck = steps.filter(({ falls }) => !falls).map((s) => `EA-${s.order} at ${s.deviation}`);
  const shown = (order: number) =>
    `EA-${order} ${[NORMED, 1, 2, 3].map((s) => `${percent(at(s, order).mean)} at ${s}`).join(", ")}`;
  const measured =
    `Error as a share of the output, by the standard deviation of q and k: ${[2, 6, 12].map(shown).join("; ")}. ` +
    `EA-${JUDGED} at ${NORMED} has ${percent(judged.low)} to ${percent(judged.high)}; its error reaches half of the output at ${half(table, deviations)}. ` +
    (stuck.length > 0
      ? `The error does not fall to ${stuck.join(", ")}.`
      : "Each higher order has a smaller error at every deviation and seed.");
  if (stuck.length > 0 || judged.low > BOUND) return { ruling: "not supported", measured };
  return { ruling: judged.high < BOUND ? "supported" : "not decidable at this size", measured };
}

const percent = (x: number): string => `${(100 * x).toFixed(x < 0.1 ? 2 : 0)} %`;

/** The deviation at which EA-6 loses half of the output, interpolated on logarithms. */
function half(table: Table, deviations: readonly number[]): string {
  const points = deviations.map((x) => [x, table.where({ deviation: x }).spread(relative(JUDGED)).mean] as const);
  const above = points.findIndex(([, y]) => y >= 0.5);
  if (above <= 0) return above < 0 ? `no deviation up to ${points.at(-1)![0]}` : `a deviation below ${points[0]![0]}`;
  const [[x0, y0], [x1, y1]] = [points[above - 1]!, points[above]!];
  return (x0 * (x1 / x0) ** (Math.log(0.5 / y0) / Math.log(y1 / y0))).toFixed(2);
}
