import { uniforms } from "@attnkit/measure/random";
import { byteText, mobyDick } from "../data/text.ts";
import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { plusMinus } from "./curves.ts";
import { learn, type Windows } from "./learn.ts";
import { BLOCKS, HEADS, WIDTH } from "./model.ts";
import { paper } from "./paper.ts";
import { CONTROL, candidate, difference, trainedCells } from "./trained.ts";

const TOKENS = 64;
const BATCH = 16;
const STEPS: Readonly<Record<Size, number>> = { default: 300, full: 4000 };
/** Held-out windows, spread evenly over the last tenth of the text. */
const HELD_OUT = 256;
/** Log-sum-exp attention may lose at most this share of what softmax gains from context. */
const SHARE = 0.5;

/** The column of the loss after all steps, and those on the way by the share of the steps. */
const LOSS = "loss";
const SHARES = [0.25, 0.5, 0.75] as const;
const lossAt = (share: number): string => `loss at ${100 * share} %`;

export const languageModelClaim: Claim = {
  name: "language-model",
  sentence:
    "The cross-entropy of a language model with log-sum-exp attention, 2.47 on the Pile, is competitive with models of similar size.",
  paper,
  where: "Section 3",
  rule:
    `Models are equal but for the mechanism, with the same first weights and data for a seed. D is the difference in held-out loss ` +
    `to softmax, G what softmax gains over the same model without context. Not decidable if the 95 % interval of G over seeds reaches 0; ` +
    `supported if the interval of D is below ${SHARE} G, not supported if it is above, otherwise not decidable. Divergence: not supported.`,
  deviations: [
    `A byte-level model of Moby Dick with ${BLOCKS} blocks of ${WIDTH} channels, ${HEADS} heads and an MLP, in place of 125 million parameters, without MLP, and 300 billion tokens of the Pile.`,
    `Windows of ${TOKENS} bytes, ${BATCH} per step, ${STEPS.default} steps (${STEPS.full} with --full); the loss is in nats per byte and cannot be compared with 2.47.`,
    "The paper gives no baseline; softmax, linear attention and a model without context are measured here.",
    "Learned positions and a token shift stand in for the position recurrence of the paper's model.",
  ],
  cells: trainedCells,
  async measure({ mechanism }, context) {
    const { tokens, size: classes } = byteText(mobyDick());
    const cut = Math.floor(0.9 * tokens.length);
    const windows = (starts: readonly number[]): Windows => ({
      rows: starts.length,
      data: Float32Array.from(starts.flatMap((at) => [...tokens.subarray(at, at + TOKENS + 1)])),
    });
    const uniform = uniforms(context.seed);
    const random = () => Math.floor(uniform() * (cut - TOKENS - 1));
    const stride = (tokens.length - cut - TOKENS - 1) / HELD_OUT;
    const steps = STEPS[context.size];
    const task = {
      ...{ classes, tokens: TOKENS, steps, rate: 8e-3 },
      train: () => windows(Array.from({ length: BATCH }, random)),
      heldOut: windows(Array.from({ length: HELD_OUT }, (_, i) => cut + Math.floor(i * stride))),
      reports: SHARES.map((share) => share * steps),
    };
    const found = await learn(candidate(String(mechanism)), task, context);
    const loss = (step: number) => {
      const losses = found.find((answer) => answer.step === step)?.losses;
      return losses ? losses.reduce((sum, x) => sum + x, 0) / losses.length : Number.NaN;
    };
    return { ...Object.fromEntries(SHARES.map((share) => [lossAt(share), loss(share * steps)])), [LOSS]: loss(steps) };
  },
  judge,
  figures: (table) => [
    {
      name: "language-model",
      caption: "Held-out loss of a byte-level language model on Moby Dick during training.",
      panels: [
        {
          x: { label: "share of the training steps (%)", scale: "linear" },
          y: { label: "held-out loss (nats per byte)", scale: "linear" },
          series: table.distinct<string>("mechanism").map((name) => ({
            name,
            points: [...SHARES, 1].map((share) => {
              const { mean, low, high } = table.where({ mechanism: name }).spread(share === 1 ? LOSS : lossAt(share));
              return { x: 100 * share, y: mean, low, high };
            }),
          })),
        },
      ],
    },
  ],
};

function judge(table: Table): Verdict {
  const losses = table.distinct<string>("mechanism").map((name) => {
    return `${name} ${plusMinus(table.where({ mechanism: name }).spread(LOSS), 3)}`;
  });
  const gain = difference(table, LOSS, CONTROL, "softmax");
  const lost = difference(table, LOSS, "logsumexp", "softmax");
  const bound = SHARE * gain.mean;
  const measured =
    `Held-out loss in nats per byte: ${losses.join(", ")}. Softmax gains ${plusMinus(gain, 4)} from context; ` +
    `log-sum-exp attention is ${plusMinus(lost, 4)} above softmax (95 % interval ${lost.low.toFixed(4)} to ${lost.high.toFixed(4)}, bound ${bound.toFixed(4)}).`;
  if (table.where({ mechanism: "logsumexp" }).values(LOSS).some(Number.isNaN))
    return { ruling: "not supported", measured };
  if (!(gain.low > 0)) return { ruling: "not decidable at this size", measured };
  if (lost.high < bound) return { ruling: "supported", measured };
  return { ruling: lost.low > bound ? "not supported" : "not decidable at this size", measured };
}
