import { growth } from "@attnkit/measure/statistics";
import { columnAt, contextsIn } from "../constant-cost/contexts.ts";
import { againstContext } from "../constant-cost/curves.ts";
import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Panel } from "../figure.ts";
import type { Table } from "../table.ts";
import { D, drawStep, keptBytes } from "./kept.ts";
import { paper } from "./paper.ts";
import { COMPARED, type Subjects, subject } from "./subjects.ts";

const LENGTHS: Readonly<Record<Size, readonly number[]>> = {
  default: [512, 1024, 2048],
  full: [512, 1024, 2048, 4096],
};

const KEPT = "kept bytes";

/** The largest exponent of linear growth, the least of quadratic growth, and the ratio of EA-6 to EA-2: (6 + 1) / (2 + 1) terms, or 6 / 2. */
const LINEAR = 1.05;
const QUADRATIC = 1.7;
const RATIO = [1.5, 3] as const;

/** Bytes kept for the backward pass against the length. */
export function trainingMemory(subjects: Subjects = COMPARED): Claim {
  return {
    name: "training-memory",
    sentence: "Training takes memory O(tLD) with the EA-series and O(L^2) with softmax.",
    paper,
    where: "Table 1",
    rule:
      `Bytes kept for the backward pass are fitted as L^e. Supported if, causal and not, e of EA-2 and EA-6 is at most ${LINEAR}, e of softmax is ` +
      `at least ${QUADRATIC}, and EA-6 keeps ${RATIO[0]} to ${RATIO[1]} times the bytes of EA-2 at the largest L; otherwise not supported.`,
    deviations: [
      `One attention call with one head of ${D} channels in float32 is measured, without projections and MLP; the paper measures BERT-base.`,
      "The bytes are those of attnkit's programs and core's tape: arrays that can be reached between the forward and the backward pass. The paper's are those of its PyTorch code.",
      "Softmax is the plain form with all weights in memory, as in the paper. A tiled form with recomputation keeps O(LD).",
    ],
    cells: () => [false, true].flatMap((causal) => Object.keys(subjects).map((mechanism) => ({ mechanism, causal }))),
    async measure({ mechanism, causal }, { seed, size, signal, progress }) {
      const found = subject(subjects, String(mechanism));
      const lengths = LENGTHS[size];
      const bytes: [number, number][] = [];
      for (const [i, L] of lengths.entries()) {
        signal.throwIfAborted();
        bytes.push([L, keptBytes(found, Boolean(causal), drawStep(seed, L))]);
        progress((i + 1) / lengths.length);
      }
      const { exponent } = growth(bytes.map(([size, value]) => ({ size, value })))!;
      return { ...Object.fromEntries(bytes.map(([L, value]) => [columnAt(KEPT, L), value])), exponent };
    },
    judge,
    figures: (table) => [
      {
        name: "training-memory",
        caption:
          "Bytes kept for the backward pass of one head against the length: linear for the series, quadratic for softmax.",
        panels: [panel(table, false), panel(table, true)],
      },
    ],
  };
}

function panel(table: Table, causal: boolean): Panel {
  const bytes = againstContext(table.where({ causal }), KEPT, "kept for the backward pass (MiB)");
  return {
    ...bytes,
    series: bytes.series.map((one) => ({ ...one, points: one.points.map(({ x, y }) => ({ x, y: y / 2 ** 20 })) })),
    title: causal ? "causal" : "not causal",
    x: { label: "length L (tokens)", scale: "log" },
    guides: [
      { slope: 1, label: "L" },
      { slope: 2, label: "L^2" },
    ],
  };
}

function judge(table: Table): Verdict {
  const parts = [false, true].map((causal) => {
    const of = (mechanism: string) => table.where({ mechanism, causal });
    const longest = contextsIn(of("softmax"), KEPT).at(-1)!;
    const at = (mechanism: string) => of(mechanism).spread(columnAt(KEPT, longest)).mean;
    const e = (mechanism: string) => of(mechanism).spread("exponent").mean;
    const ratio = at("EA-6") / at("EA-2");
    const names = ["EA-2", "EA-6", "softmax"];
    const each = names.map((name) => `${name} L^${e(name).toFixed(2)}, ${(at(name) / 2 ** 20).toFixed(1)} MiB`);
    return {
      holds:
        Math.max(e("EA-2"), e("EA-6")) <= LINEAR && e("softmax") >= QUADRATIC && ratio >= RATIO[0] && ratio <= RATIO[1],
      text:
        `${causal ? "Causal" : "Not causal"}, at L = ${longest}: ${each.join("; ")}; EA-6 keeps ${ratio.toFixed(2)} times as much as EA-2` +
        `${crossing(of("EA-6"), of("softmax"))}.`,
    };
  });
  return {
    ruling: parts.every(({ holds }) => holds) ? "supported" : "not supported",
    measured: parts.map(({ text }) => text).join(" "),
  };
}

/** The length from which the first keeps less, by the bytes at the largest L and their exponents. */
function crossing(a: Table, b: Table): string {
  const longest = contextsIn(b, KEPT).at(-1)!;
  const [[x, y], [d, e]] = [
    [a, b].map((rows) => rows.spread(columnAt(KEPT, longest)).mean),
    [a, b].map((rows) => rows.spread("exponent").mean),
  ] as [[number, number], [number, number]];
  if (!(e > d)) return "";
  const at = longest * (x / y) ** (1 / (e - d));
  return `, and less than softmax from about L = ${Number(at.toPrecision(2))} on`;
}
