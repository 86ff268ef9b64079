import { type HostTensor, oneCycle, trainer } from "@attnkit/train";
import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { trainingBackend, trainUntil } from "../training.ts";
import { plusMinus } from "./curves.ts";
import { paper } from "./paper.ts";
import { drawRecall, HEADS, KEY, PAIRS, QUERIES, type Recall, recallModel, VALUE } from "./recall-model.ts";
import { CONTROL, candidate, difference, trainedCells } from "./trained.ts";

const BATCH = 64;
/** Different batches; training repeats them. */
const BATCHES = 32;
const STEPS: Readonly<Record<Size, number>> = { default: 500, full: 3000 };
const RATE = 5e-3;
const HELD_OUT = 256;
/** First scale of q and k where 2 makes powers of q.k, or squared distances, too large to train. */
const START: Readonly<Record<string, number>> = { "polynomial 2": 0.5, "elementwise 2": 1 };

/** Softmax has to reach this recall, and log-sum-exp attention may stay this much below it. */
const LEARNED = 0.9;
const BOUND = 0.1;

const RECALL = "recall";
const ERROR = "normalised error";

export const recallBesideLoss: Claim = {
  name: "recall-beside-loss",
  sentence: "Log-sum-exp attention is a promising alternative to conventional attention.",
  paper,
  where: "Abstract; Section 3",
  rule:
    `One attention layer learns to return the values of ${PAIRS} pairs by their keys; recall is the share of unseen queries whose answer is ` +
    `nearest to the right value. Not decidable if the recall of softmax is not above ${LEARNED}; supported if log-sum-exp attention stays ` +
    `less than ${BOUND} below softmax, not supported if more, each by the 95 % interval over seeds; otherwise not decidable.`,
  deviations: [
    "The paper measures no recall. The loss of a language model is mostly made of tokens that need none, so recall is measured on its own.",
    `Keys of ${KEY} channels on a sphere, values of ${VALUE}, ${QUERIES} queries that are copies of keys, ${HEADS} heads, no causality, ` +
      `${STEPS.default} steps (${STEPS.full} with --full) of ${BATCH} sequences out of ${BATCH * BATCHES}.`,
  ],
  cells: (size) => trainedCells(size).filter(({ mechanism }) => mechanism !== CONTROL),
  async measure({ mechanism }, context) {
    const { seed, size, progress } = context;
    const name = String(mechanism);
    const model = recallModel(candidate(name), START[name] ?? 2);
    const steps = STEPS[size];
    const t = trainer(await trainingBackend(), { ...model, schedule: oneCycle(RATE, { steps }), seed, clip: 1 });
    // No two draws of any seeds share their numbers; the held-out draw has the place of one more batch.
    const draw = (i: number, rows: number) => drawRecall(2 * (seed * (BATCHES + 1) + i), rows);
    const drawn = Array.from({ length: BATCHES }, (_, i) => draw(i, BATCH));
    try {
      const batchAt = (step: number) => drawn[step % BATCHES]!.batch;
      if (!(await trainUntil(t, steps, batchAt, context, (step) => progress(step / steps))))
        return { [RECALL]: Number.NaN, [ERROR]: Number.NaN };
      const heldOut = draw(BATCHES, HELD_OUT);
      return scores(heldOut, (await t.evaluate(model.answer, heldOut.batch)).y!);
    } finally {
      t.dispose();
    }
  },
  judge,
  figures: (table) => [
    {
      name: "recall-beside-loss",
      caption: "Recall against the error of the answers, where 1 is the error of no answer: one point per seed.",
      panels: [
        {
          x: { label: "squared error / variance of the values", scale: "linear" },
          y: { label: "recall (share of queries)", scale: "linear" },
          series: table.distinct<string>("mechanism").map((name) => {
            const rows = table.where({ mechanism: name });
            const recall = rows.values(RECALL);
            return { name, points: rows.values(ERROR).map((x, i) => ({ x, y: recall[i]! })) };
          }),
          guides: [{ at: "y", value: 1 / PAIRS, label: "chance" }],
        },
      ],
    },
  ],
};

function scores({ batch, pairs }: Recall, { data: y }: HostTensor): Record<string, number> {
  const { data: values } = batch.values!;
  const distance = (query: number, pair: number) => {
    const at = (Math.floor(query / QUERIES) * PAIRS + pair) * VALUE;
    let sum = 0;
    for (let c = 0; c < VALUE; c++) sum += (y[query * VALUE + c]! - values[at + c]!) ** 2;
    return sum;
  };
  const all = Array.from({ length: PAIRS }, (_, pair) => pair);
  const right = pairs.filter((pair, query) => {
    const own = distance(query, pair);
    return all.every((other) => other === pair || own < distance(query, other));
  });
  const error = pairs.reduce((sum, pair, query) => sum + distance(query, pair), 0) / (pairs.length * VALUE);
  // The values are standard normal: their variance is 1.
  return { [RECALL]: right.length / pairs.length, [ERROR]: error };
}

function judge(table: Table): Verdict {
  const each = table.distinct<string>("mechanism").map((name) => {
    const rows = table.where({ mechanism: name });
    return `${name} ${plusMinus(rows.spread(RECALL), 3)} with error ${plusMinus(rows.spread(ERROR), 3)}`;
  });
  const softmax = table.where({ mechanism: "softmax" }).spread(RECALL);
  const below = difference(table, RECALL, "softmax", "logsumexp");
  const measured =
    `Recall of ${PAIRS} pairs: ${each.join(", ")}. Log-sum-exp attention is ${plusMinus(below, 3)} below softmax ` +
    `(95 % interval ${below.low.toFixed(3)} to ${below.high.toFixed(3)}).`;
  if (!(softmax.low > LEARNED)) return { ruling: "not decidable at this size", measured };
  if (below.high < BOUND) return { ruling: "supported", measured };
  return { ruling: below.low > BOUND ? "not supported" : "not decidable at this size", measured };
}
