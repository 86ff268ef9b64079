import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { accuraciesIn, accuracyAgainstNorm, accuracyOf, between, largestNorms, lead, rounded } from "./compared.ts";
import { duplicateTask, NOISE, SHOWN, TYPES } from "./duplicate-data.ts";
import { BATCH, learn } from "./learn.ts";
import { paper, SOURCE } from "./paper.ts";
import { VARIANTS, type Variants, variantOf } from "./variants.ts";
import { BLOCKS, HEADS, WIDTH } from "./vision-model.ts";

const SIZES: Readonly<Record<Size, { tokens: number; steps: number }>> = {
  default: { tokens: 16, steps: 250 },
  full: { tokens: 64, steps: 1000 },
};

/** A substitute may lose this much accuracy to softmax. */
const MARGIN = 0.05;
const SUBSTITUTES = ["x^2/sqrt(N)", "x^3/sqrt(N)"];
/** Softmax has to reach this many times the accuracy of chance. */
const ABOVE_CHANCE = 3;

/** Accuracy on a task that no single token decides. Tests pass mechanisms that are broken on purpose. */
export function duplicateClaim(variants: Variants = VARIANTS): Claim {
  return {
    name: "duplicate-task",
    sentence:
      '"Our theoretical analysis shows that certain polynomials can serve as effective substitutes for softmax, achieving strong performance across transformer applications despite violating softmax\'s typical properties of positivity, normalization, and sparsity."',
    paper,
    where: "Abstract",
    rule: `Differences in held-out accuracy are by seed, with the same first weights and data. Supported if the 95 % interval (Student) of softmax minus ${SUBSTITUTES.join(" or minus ")} lies below ${MARGIN}. Not supported if both lie above. Otherwise not decidable, and also if softmax's mean accuracy is below ${ABOVE_CHANCE} times chance. A run that diverges has accuracy 0.`,
    deviations: [
      SOURCE,
      `The task is not the paper's: of N tokens of noise (deviation ${NOISE}), ${SHOWN} show one of ${TYPES} types, one type is there twice and is to be named. No single token tells it, but a mean over tokens that counts types could, so that attention helps and is not strictly needed; a model without attention is not measured here.`,
      `${BLOCKS} blocks of ${WIDTH} channels with ${HEADS} heads; N = ${SIZES.default.tokens} and ${SIZES.default.steps} steps of ${BATCH} examples (with --full N = ${SIZES.full.tokens} and ${SIZES.full.steps}), all new; one learning rate for all activations.`,
    ],
    cells: (size) => Object.keys(variants).map((activation) => ({ activation, N: SIZES[size].tokens })),
    measure({ activation }, context) {
      const { tokens, steps } = SIZES[context.size];
      const variant = variantOf(variants, activation);
      return learn(String(activation), variant, duplicateTask(tokens, steps, context.seed), context);
    },
    judge,
    figures: (table) => [accuracyAgainstNorm(table, "duplicate-task", "the duplicate task")],
  };
}

function judge(table: Table): Verdict {
  const leads = SUBSTITUTES.map((name) => ({ name, lead: lead(table, "softmax", name) }));
  const gains = ["x", "x^2", "x^3"].map((name) => `${name} ${between(lead(table, `${name}/sqrt(N)`, name))}`);
  const norms = SUBSTITUTES.map((name) => `${name} ${rounded(Math.max(...largestNorms(table, name)))}`);
  const n = table.distinct<number>("N")[0]!;
  const measured =
    `Accuracy at N = ${n}, where chance is ${(1 / TYPES).toFixed(3)}: ${accuraciesIn(table)}. ` +
    `Softmax minus ${leads.map(({ name, lead: by }) => `${name} is ${between(by)}`).join(", minus ")}. ` +
    `The factor 1/sqrt(N) adds: ${gains.join(", ")}. Largest norms in training, beside sqrt(N) = ${Math.sqrt(n).toFixed(1)}: ${norms.join(", ")}.`;
  if (accuracyOf(table, "softmax").mean < ABOVE_CHANCE / TYPES)
    return { ruling: "not decidable at this size", measured };
  if (leads.some(({ lead: by }) => by.high < MARGIN)) return { ruling: "supported", measured };
  const refuted = leads.every(({ lead: by }) => by.low > MARGIN);
  return { ruling: refuted ? "not supported" : "not decidable at this size", measured };
}
