import type { Claim, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { contenders } from "./contenders.ts";
import { columnAt, contextsIn, contextsOf, LONG } from "./contexts.ts";
import { againstContext } from "./curves.ts";
import { exponentOf } from "./exponent.ts";
import { paper } from "./paper.ts";
import { duration, stepTimes, TIME } from "./step-times.ts";
import { stream, WIDTH } from "./stream.ts";

/** The exponent of a constant, and the least exponent of a cost that grows with the context. */
const CONSTANT = 0.1;
const GROWING = 0.5;

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
    `The bound ${GROWING} for softmax was 0.8 in the first runs, whose intervals sometimes reached below it.`,
  ],
  alone: true,
  cells: () => Object.keys(contenders).map((mechanism) => ({ mechanism })),
  async measure({ mechanism }, context) {
    const name = String(mechanism);
    const contexts = contextsOf(name, context.size);
    const s = stream(contenders[name]!, context.seed);
    return stepTimes(contenders[name]!, name, { s, contexts, states: await s.states(contexts) }, context);
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
