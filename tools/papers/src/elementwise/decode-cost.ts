import { type Contender, contenders } from "../constant-cost/contenders.ts";
import { columnAt, contextsIn, contextsOf, LONG } from "../constant-cost/contexts.ts";
import { againstContext } from "../constant-cost/curves.ts";
import { exponentOf } from "../constant-cost/exponent.ts";
import { bytesAfter } from "../constant-cost/state-bytes.ts";
import { duration, stepTimes, TIME } from "../constant-cost/step-times.ts";
import { stream, WIDTH } from "../constant-cost/stream.ts";
import type { Claim, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { paper } from "./paper.ts";

const BYTES = "bytes";
/** The exponent of a constant, and the least exponent of a cost that grows with the context. */
const CONSTANT = 0.1;
const GROWING = 0.5;

const ORDERS = { "elementwise 2": 2, "elementwise 6": 6 } as const;
const NAMES = [...Object.keys(ORDERS), "softmax"];

/** Bytes of s, z [t + 1, D] and of the running maximum [D] in float32. */
const expectedBytes = (t: number): number => 4 * WIDTH * (2 * (t + 1) + 1);

/** Bytes of the state and time per decoded token against the context. */
export function decodeCost(of: Readonly<Record<string, Contender>> = contenders): Claim {
  return {
    name: "decode-cost",
    sentence: "Inference takes O(tD) per token with the EA-series, whatever the length, and O(LD) with softmax.",
    paper,
    where: "Table 1; equations 7 to 16",
    rule:
      `Time per token is fitted as context^e for contexts of ${LONG} to 1,000,000 tokens. Supported if the states of EA-2 and EA-6 have 2 (t + 1) D + D numbers at every ` +
      `context, their e are within ±${CONSTANT}, e of softmax is above ${GROWING} and its state grows; not supported if a state has another size or e of EA-2 or EA-6 is ` +
      "beyond; e by its 95 % interval over seeds, widened by two standard errors of the fit; otherwise not decidable.",
    deviations: [
      `One head of ${WIDTH} channels in float32 in JavaScript on one thread; the paper times a whole BERT-base on a GPU, at lengths up to 7,000.`,
      "The state has a running maximum of -k^2 with D numbers beside the paper's s and z, so that exp(-k^2) does not underflow.",
      "Tokens repeat every 4,096. States of the series are made by prefills and merges. A cache of keys and values is uploaded, after the shortest one was compared with a prefill.",
    ],
    alone: true,
    cells: () => NAMES.map((mechanism) => ({ mechanism })),
    async measure({ mechanism }, context) {
      const name = String(mechanism);
      const contexts = contextsOf(name, context.size);
      const s = stream(of[name]!, context.seed);
      const states = await s.states(contexts);
      const bytes = contexts.map((n, i) => [columnAt(BYTES, n), bytesAfter(s, n, states[i]!)] as const);
      return { ...Object.fromEntries(bytes), ...stepTimes(of[name]!, name, { s, states, contexts }, context) };
    },
    judge,
    figures: (table) => [
      {
        name: "decode-cost",
        caption:
          "State and time per decoded token against the context: the sums of the series stay, the cache of softmax grows.",
        panels: [againstContext(table, BYTES, "state (bytes)"), againstContext(table, TIME, "time per token (µs)")],
      },
    ],
  };
}

function judge(table: Table): Verdict {
  const sizes = (mechanism: string) => {
    const rows = table.where({ mechanism });
    return [...new Set(contextsIn(rows, BYTES).flatMap((n) => rows.values(columnAt(BYTES, n))))];
  };
  const e = (name: string) => exponentOf(table, name);
  const each = NAMES.map((name) => {
    const rows = table.where({ mechanism: name });
    const longest = contextsIn(rows, TIME).at(-1)!;
    const [first, last] = [sizes(name)[0]!, sizes(name).at(-1)!].map((x) => x.toLocaleString("en"));
    return (
      `${name}: ${first === last ? first : `${first} to ${last}`} bytes, e = ${e(name).text}, ` +
      `${duration(rows.spread(columnAt(TIME, longest)))} at ${longest.toLocaleString("en")} tokens`
    );
  });
  const measured = `State and time per token, as context^e: ${each.join("; ")}.`;
  const right = Object.entries(ORDERS).every(([name, t]) => sizes(name).every((bytes) => bytes === expectedBytes(t)));
  const series = Object.keys(ORDERS).map(e);
  if (!right || series.some(({ low, high }) => low > CONSTANT || high < -CONSTANT))
    return { ruling: "not supported", measured };
  const flat = series.every(({ low, high }) => low >= -CONSTANT && high <= CONSTANT);
  const grows = e("softmax").low > GROWING && sizes("softmax").length > 1;
  return { ruling: flat && grows ? "supported" : "not decidable at this size", measured };
}
