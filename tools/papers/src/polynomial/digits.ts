import { SIDE } from "../data/digits.ts";
import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { accuraciesIn, accuracyAgainstNorm, accuracyOf, between, lead } from "./compared.ts";
import { digitsTask } from "./digits-task.ts";
import { BATCH, learn } from "./learn.ts";
import { firstVersion, SOURCE } from "./paper.ts";
import { VARIANTS, type Variants, variantOf } from "./variants.ts";
import { BLOCKS, HEADS, WIDTH } from "./vision-model.ts";

/** Pixels of one side of a patch, and steps. */
const SIZES: Readonly<Record<Size, { side: number; steps: number }>> = {
  default: { side: 7, steps: 300 },
  full: { side: 4, steps: 3000 },
};

export const tokensOf = (side: number): number => (SIDE / side) ** 2;

/** x^3 / sqrt(N) may lose this much accuracy to softmax, and x must lose at least as much. */
const MARGIN = 0.03;
/** Softmax has to reach this accuracy, far above chance. */
const LEARNED = 0.5;

/** Accuracy on digits. Tests pass mechanisms that are broken on purpose. */
export function digitsClaim(variants: Variants = VARIANTS): Claim {
  return {
    name: "digits",
    sentence:
      'Certain polynomial activations "perform comparably or better than softmax across various computer vision and language tasks"; by a review x^3 with the right factor does in image classification, and x performs poorly.',
    paper: firstVersion,
    where: "Abstract; the experiments on Tiny-ImageNet and ImageNet-1k (Table 2)",
    rule: `Differences in held-out accuracy are by seed, with the same first weights and data. Supported if the 95 % interval (Student) of softmax minus x^3/sqrt(N) lies below ${MARGIN} and that of softmax minus x above ${MARGIN}. Not supported if the first lies above ${MARGIN} or the second below. Otherwise not decidable, and also if softmax's mean accuracy is below ${LEARNED}. A run that diverges has accuracy 0.`,
    deviations: [
      SOURCE,
      "By the review, x^3/14 matches or exceeds softmax in 5 of 8 architectures on ImageNet-1k and loses with DeiT; no spread is given.",
      `MNIST digits, 8,000 to train and 2,000 held out, in place of ImageNet; ${BLOCKS} blocks of ${WIDTH} channels with ${HEADS} heads.`,
      `Patches of ${SIZES.default.side} x ${SIZES.default.side} pixels, N = ${tokensOf(SIZES.default.side)}, and ${SIZES.default.steps} steps of ${BATCH} images (with --full ${SIZES.full.side} x ${SIZES.full.side}, N = ${tokensOf(SIZES.full.side)}, ${SIZES.full.steps} steps): every run ends before its accuracy does not rise any more.`,
      "One learning rate for all activations, and no class token: the mean over tokens is classified.",
    ],
    cells: (size) => Object.keys(variants).map((activation) => ({ activation, N: tokensOf(SIZES[size].side) })),
    measure({ activation }, context) {
      const { side, steps } = SIZES[context.size];
      return learn(String(activation), variantOf(variants, activation), digitsTask(side, steps, context.seed), context);
    },
    judge,
    figures: (table) => [accuracyAgainstNorm(table, "digits", "held-out digits")],
  };
}

function judge(table: Table): Verdict {
  const cubic = lead(table, "softmax", "x^3/sqrt(N)");
  const linear = lead(table, "softmax", "x");
  const measured =
    `Accuracy at N = ${table.distinct<number>("N").join()}: ${accuraciesIn(table)}. Softmax minus x^3/sqrt(N) is ${between(cubic)}, ` +
    `minus x ${between(linear)}; the margin is ${MARGIN}.`;
  if (accuracyOf(table, "softmax").mean < LEARNED) return { ruling: "not decidable at this size", measured };
  if (cubic.high < MARGIN && linear.low > MARGIN) return { ruling: "supported", measured };
  const refuted = cubic.low > MARGIN || linear.high < MARGIN;
  return { ruling: refuted ? "not supported" : "not decidable at this size", measured };
}
