import type { Claim, Verdict } from "../experiment.ts";
import type { Point, Series } from "../figure.ts";
import type { Table } from "../table.ts";
import { accuracyOf, between, geometric, largestNorms, lead, plusMinus } from "./compared.ts";
import { digitsClaim } from "./digits.ts";
import { normAt, SHARES } from "./learn.ts";
import { paper, SOURCE } from "./paper.ts";
import { VARIANTS, type Variants } from "./variants.ts";
import { BLOCKS } from "./vision-model.ts";

/** The polynomials that the norm argument recommends. */
const SCALED = ["x^2/sqrt(N)", "x^3/sqrt(N)"];

/** Runs that lose less accuracy than this to softmax are successful. */
const SUCCESS = 0.05;

/** How far above sqrt(N) a norm may be and still count as regularised: O(sqrt(N)) has a constant. */
const CONSTANT = 4;

/** The norms in training. Tests pass mechanisms that are broken on purpose. */
export function normInTraining(variants: Variants = VARIANTS): Claim {
  const { cells, measure, name } = digitsClaim(variants);
  return {
    ...{ cells, measure, from: name },
    name: "norm-in-training",
    sentence:
      '"Softmax\'s effectiveness lies in its implicit regularization of the Frobenius norm of the attention matrix, which stabilizes training"; polynomials with the factor 1 / sqrt(N) achieve a similar regularization effect.',
    paper,
    where: "Abstract; Figures 2 and 3 (norms of ViT-Tiny in training, layers 2, 7 and 12)",
    rule: `The largest norm of a run is that of any block at any of ${SHARES.length} times in training. A polynomial (${SCALED.join(", ")}) is successful if softmax's mean lead in accuracy is below ${SUCCESS}. Supported if there is a successful one and the 95 % interval (Student, of the logarithm) of the largest norm of each lies below ${CONSTANT} sqrt(N). Not supported if that of a successful one lies above: it then trains well without a regularised norm. Otherwise not decidable.`,
    deviations: [
      SOURCE,
      "The cells are those of the claim on digits: 2 blocks in place of 12 layers. The norm is the mean over 16 held-out images and 3 heads.",
      `The paper says O(sqrt(N)) without a constant for training; ${CONSTANT} sqrt(N) is the norm of x^3/sqrt(N) at initialisation, sqrt(15 N), rounded up.`,
    ],
    judge,
    figures: (table) => {
      const n = table.distinct<number>("N")[0]!;
      return [
        {
          name: "norm-in-training",
          caption:
            "Frobenius norm of the attention weights during training on digits, mean over images and heads. Softmax cannot exceed sqrt(N); powers can.",
          panels: Array.from({ length: BLOCKS }, (_, block) => ({
            title: `block ${block + 1}`,
            x: { label: "share of the training steps (%)", scale: "linear" as const },
            y: { label: "Frobenius norm", scale: "log" as const },
            series: table.distinct<string>("activation").map((activation) => curve(table, activation, block)),
            guides: [{ at: "y" as const, value: Math.sqrt(n), label: "sqrt(N)" }],
          })),
        },
      ];
    },
  };
}

function curve(table: Table, activation: string, block: number): Series {
  const rows = table.where({ activation });
  const points = SHARES.flatMap((share): Point[] => {
    const { mean, low, high } = geometric(rows.values(normAt(block, share)));
    return Number.isFinite(mean) ? [{ x: 100 * share, y: mean, low, high }] : [];
  });
  return { name: activation, points };
}

function judge(table: Table): Verdict {
  const root = Math.sqrt(table.distinct<number>("N")[0]!);
  const each = SCALED.map((name) => ({
    name,
    largest: geometric(largestNorms(table, name)),
    success: lead(table, "softmax", name).mean < SUCCESS,
  }));
  const successful = each.filter(({ success }) => success);
  const told = table
    .distinct<string>("activation")
    .map(
      (name) =>
        `${name} ${between(geometric(largestNorms(table, name)), 1)} with accuracy ${plusMinus(accuracyOf(table, name))}`,
    );
  const far = successful.filter(({ largest }) => largest.low > CONSTANT * root);
  const measured =
    `Largest norms in training, beside sqrt(N) = ${root.toFixed(1)} and the bound ${(CONSTANT * root).toFixed(1)}: ${told.join("; ")}. ` +
    (far.length > 0
      ? `Norms far above sqrt(N) in the successful runs of ${far.map(({ name }) => name).join(" and ")}: the norm argument does not describe this training.`
      : `Successful: ${successful.map(({ name }) => name).join(" and ") || "none"}.`);
  if (far.length > 0) return { ruling: "not supported", measured };
  const regular = successful.length > 0 && successful.every(({ largest }) => largest.high < CONSTANT * root);
  return { ruling: regular ? "supported" : "not decidable at this size", measured };
}
