import { accuracy, crossEntropy } from "@attnkit/train";
import { plusMinus } from "../constant-cost/curves.ts";
import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { BURSTS, bursts } from "./bursts.ts";
import { learnSeries } from "./learn-series.ts";
import { interval, ORDERING_RULE, ordering, ruleOrdering } from "./ordering.ts";
import { paper } from "./paper.ts";
import { BLOCKS, HEADS, WIDTH } from "./series-model.ts";
import { COMPARED, type Subjects, subject } from "./subjects.ts";

const STEPS: Readonly<Record<Size, number>> = { default: 400, full: 4000 };
const BATCH = 32;
const RATE = 3e-3;
const TESTED = 1024;
/** The share of wrong answers by which EA-6 may exceed softmax. */
const MARGIN = 0.01;
/** Softmax has learned something below the first, and is at the ceiling below the second. */
const [LEARNED, CEILING] = [0.5, 0.01];

const ERROR = "share of wrong answers";

/** Classification of generated series. */
export function classification(subjects: Subjects = COMPARED): Claim {
  return {
    name: "classification",
    sentence:
      "In classification of multivariate series, which is not causal, EA-6 is as accurate as or more accurate than self-attention, and more accurate than EA-2.",
    paper,
    where: "Section 4, the classification table",
    rule:
      `The error is the share of wrong answers on new series; no worse than softmax: at most ${MARGIN} larger. ${ORDERING_RULE} Also not decidable if the error of softmax is above ${LEARNED} ` +
      `or below ${CEILING}.`,
    deviations: [
      `No UEA data set is at hand. Series of ${BURSTS.channels} channels and ${BURSTS.tokens} tokens are generated: one burst in each channel and noise, ${BURSTS.classes} classes by the order of the bursts in time.`,
      `${BLOCKS} blocks of ${WIDTH} channels, ${HEADS} heads for softmax, normalisation behind the residuals, learned positions, ${STEPS.default} steps (${STEPS.full} with --full) of ${BATCH} new ` +
        `series, Adam with one cycle up to ${RATE} for all, ${TESTED} series for the test; the paper states neither sizes nor rates.`,
      "The weights after the last step are tested; the paper takes those of the best validation. The paper has single runs, and one of its four tasks is at chance level.",
    ],
    cells: () => Object.keys(subjects).map((mechanism) => ({ mechanism })),
    async measure({ mechanism }, context) {
      // No two draws of any seeds share their numbers.
      const draw = bursts(4 * context.seed);
      const { series, targets } = bursts(4 * context.seed + 2)(TESTED);
      const task = {
        ...{ channels: BURSTS.channels, tokens: BURSTS.tokens, outputs: BURSTS.classes, causal: false },
        ...{ steps: STEPS[context.size], rate: RATE },
        train: () => draw(BATCH),
        loss: crossEntropy,
        test: series!,
      };
      const answer = await learnSeries(subject(subjects, String(mechanism)), task, context);
      return { [ERROR]: answer === null ? Number.NaN : 1 - accuracy(answer, targets!) };
    },
    judge,
    figures: (table) => [
      {
        name: "classification",
        caption: "Share of wrong answers on new series of six classes, one point per seed.",
        panels: [
          {
            x: { label: "seed", scale: "linear" },
            y: { label: ERROR, scale: "linear" },
            series: table.distinct<string>("mechanism").map((name) => ({
              name,
              points: table.where({ mechanism: name }).rows.map(({ seed, values }) => ({ x: seed, y: values[ERROR]! })),
            })),
            guides: [{ at: "y", value: 1 - 1 / BURSTS.classes, label: "chance" }],
          },
        ],
      },
    ],
  };
}

function judge(table: Table): Verdict {
  const error = (mechanism: string) => table.where({ mechanism }).spread(ERROR);
  const found = ordering(table, ERROR, MARGIN);
  const each = table.distinct<string>("mechanism").map((name) => `${name} ${plusMinus(error(name), 4)}`);
  const measured =
    `Share of wrong answers: ${each.join(", ")}; EA-6 minus softmax ${interval(found.toSoftmax, 4)}, EA-6 minus EA-2 ${interval(found.toSecond, 4)}. ` +
    `Chance is ${(1 - 1 / BURSTS.classes).toFixed(2)}.`;
  const softmax = error("softmax").mean;
  const readable = softmax < LEARNED && softmax > CEILING;
  return { ruling: readable ? ruleOrdering([found]) : "not decidable at this size", measured };
}
