import type { State } from "@attnkit/core";
import { allowance, type Host, oracle } from "@attnkit/core/conformance";
import type { NdArray } from "@attnkit/cpu";
import { time } from "@attnkit/measure/format";
import { growth } from "@attnkit/measure/statistics";
import { median } from "simple-statistics";
import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Spread, Table } from "../table.ts";
import { type Contender, contenders } from "./contenders.ts";
import { columnAt, contextsIn, contextsOf, LONG } from "./contexts.ts";
import { againstContext, plusMinus } from "./curves.ts";
import { paper } from "./paper.ts";
import { type Stream, stream, WIDTH } from "./stream.ts";

/** Seconds of sampling per cell. */
const BUDGET: Readonly<Record<Size, number>> = { default: 1, full: 8 };
/** Seconds until V8 has compiled the step. */
const WARM_UP = 0.3;
/** Seconds of single calls per context and round. The median of single calls ignores those that were interrupted. */
const TURN = 0.004;
const FEWEST_ROUNDS = 3;

/** The exponent of a constant, and the least exponent of a cost that grows with the context. */
const CONSTANT = 0.1;
const GROWING = 0.8;

/** The quantity of the columns: microseconds per decoded token. */
const TIME = "us";

export const timePerToken: Claim = {
  name: "time-per-token",
  sentence:
    "Log-sum-exp attention has a latent space of constant size, which enables application with constant time per token.",
  paper,
  where: "Abstract; Section 1, equations 4 to 6",
  rule:
    `Time per decoded token is fitted as context^e for contexts of ${LONG} to 1,000,000 tokens. Supported if e of log-sum-exp ` +
    `attention is within ±${CONSTANT} and e of softmax is above ${GROWING}; not supported if e of log-sum-exp attention is ` +
    "beyond; each by its 95 % interval over seeds, widened by two standard errors of the fit; otherwise not decidable.",
  deviations: [
    `One head of ${WIDTH} channels in float32 in JavaScript on one thread; the paper times nothing.`,
    "The state of the released code is kept as m, z and s (a running maximum and sums) instead of logarithms of sums.",
    "Tokens repeat every 4,096. States of constant size are made by prefills and merges. A cache of keys and values is " +
      "uploaded, after the shortest one was compared with a prefill.",
    "attnkit's cache is a new tensor after each token, so that a step of softmax also copies the cache.",
  ],
  alone: true,
  cells: () => Object.keys(contenders).map((mechanism) => ({ mechanism })),
  async measure({ mechanism }, { seed, size, signal, progress }) {
    const contender = contenders[String(mechanism)]!;
    const contexts = contextsOf(String(mechanism), size);
    const s = stream(contender, seed);
    const states = await s.states(contexts);
    const share = errorUsed(contender, s, contexts[0]!, states[0]!);
    if (!(share <= 1))
      throw new Error(`${mechanism}: the decoded token is ${share} times the allowed error from the reference`);
    for (const end = now() + WARM_UP; now() < end; ) s.step(contexts[0]!, states[0]!);
    const samples = contexts.map((): number[] => []);
    const start = now();
    // Rounds over all contexts, so that a slow moment of the machine hits all alike.
    for (let round = 0; !signal.aborted && (round < FEWEST_ROUNDS || now() < start + BUDGET[size]); round++) {
      for (const [i, context] of contexts.entries()) {
        for (const end = now() + TURN; ; ) {
          const before = now();
          s.step(context, states[i]!);
          const after = now();
          samples[i]!.push(after - before);
          if (after >= end) break;
        }
      }
      progress(Math.min(1, (now() - start) / BUDGET[size]));
    }
    const times = contexts.map((context, i) => ({ size: context, value: 1e6 * median(samples[i]!) }));
    const fit = growth(times.filter(({ size: context }) => context >= LONG))!;
    return {
      ...Object.fromEntries(times.map((t) => [columnAt(TIME, t.size), t.value])),
      exponent: fit.exponent,
      "standard error": fit.error,
      "error used": share,
    };
  },
  judge,
  figures: (table) => [
    {
      name: "time-per-token",
      caption: "Time per decoded token against the context: mechanisms with a state of constant size are flat lines.",
      panels: [againstContext(table, TIME, "time per token (µs)")],
    },
  ],
};

function judge(table: Table): Verdict {
  const [constant, softmax] = [exponentOf(table, "logsumexp"), exponentOf(table, "softmax")];
  const others = table
    .distinct<string>("mechanism")
    .filter((name) => name !== "logsumexp" && name !== "softmax")
    .map((name) => `${name} ${exponentOf(table, name).text}`);
  const ours = table.where({ mechanism: "logsumexp" });
  const longest = contextsIn(ours, TIME).at(-1)!;
  const at = ours.spread(columnAt(TIME, longest));
  const beside = table.where({ mechanism: "softmax" }).spread(columnAt(TIME, longest));
  const measured =
    `Time grows as context^e with e = ${constant.text} for log-sum-exp attention and e = ${softmax.text} for softmax ` +
    `(${others.join("; ")}); at ${longest.toLocaleString("en")} tokens one token takes ${duration(at)} ` +
    `and ${duration(beside)}.`;
  if (constant.low > CONSTANT || constant.high < -CONSTANT) return { ruling: "not supported", measured };
  const flat = constant.low >= -CONSTANT && constant.high <= CONSTANT;
  return { ruling: flat && softmax.low > GROWING ? "supported" : "not decidable at this size", measured };
}

/** The exponent's interval over seeds, widened by two standard errors of the fit. */
function exponentOf(table: Table, mechanism: string): Pick<Spread, "low" | "high"> & { readonly text: string } {
  const rows = table.where({ mechanism });
  const over = rows.spread("exponent");
  const fit = 2 * rows.spread("standard error").mean;
  return {
    low: over.low - fit,
    high: over.high + fit,
    text: `${plusMinus(over, 3)} (fit ± ${(fit / 2).toFixed(3)})`,
  };
}

/** Formats microseconds. */
const duration = ({ mean, deviation }: Spread): string => `${time(mean * 1e-6)} ± ${time(deviation * 1e-6)}`;

const now = (): number => performance.now() / 1000;

/** Returns the largest |error| of the token after `context` tokens over the error that the reference allows. */
function errorUsed(contender: Contender, s: Stream, context: number, state: State<NdArray>): number {
  const got = s.step(context, state).y.data;
  const { q } = s.tokens(context, context + 1);
  const { k, v } = s.tokens(0, context + 1);
  const host = (x: Float32Array): Host => ({ shape: [1, 1, x.length / WIDTH, WIDTH], data: Float64Array.from(x) });
  const reference = contender.about.reference(contender.options);
  const { y, scale, terms } = oracle(reference, { block: { q: host(q), k: host(k), v: host(v) }, causal: "end" });
  const shares = [...y.data].map((exact, i) => Math.abs(got[i]! - exact) / allowance("float32", terms, scale.data[i]!));
  return Math.max(...shares);
}
