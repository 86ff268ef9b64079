import { type Trainer, trainer } from "@attnkit/train";
import type { CellContext, Claim, Size, Verdict } from "../experiment.ts";
import type { Figure } from "../figure.ts";
import type { Spread, Table } from "../table.ts";
import { trainingBackend, trainUntil } from "../training.ts";
import { deng } from "./papers.ts";
import { recallBatches } from "./recall-data.ts";
import { RECALLERS, type Recaller } from "./recall-mechanisms.ts";
import { BATCH, recallModel, STEPS } from "./recall-model.ts";
import { seedOf } from "./separation.ts";

const lengths = (size: Size) => (size === "full" ? [4, 8, 16, 32, 64, 128] : [8, 16, 32]);

/** The mechanisms that are linear attention: normalised sums over features of the keys, and the identity. */
const LINEAR = ["linear taylor2", "logsumexp", "linear elu1", "linear relu", "polynomial 1"];

/** The order of errors that the number of features, and then experience with both maps, lets expect. */
const CONTROL = ["polynomial 3", "polynomial 2", "logsumexp", "linear elu1"];
const CONTROL_N = 32;

/** Softmax recalls if its error is below this, up to this many pairs. */
const [RECALLED, UP_TO] = [0.05, 64];

/** Associative recall of every mechanism. Tests pass mechanisms that are broken on purpose. */
export function recall(recallers: Readonly<Record<string, Recaller>> = RECALLERS): Claim {
  return {
    name: "recall",
    sentence:
      'Linear attention "exhibits substantial performance degradation when compared to the traditional softmax attention mechanism".',
    paper: deng,
    where: "Abstract",
    rule: `The error is the mean squared error over the mean square of the targets, 1 without any recall. Supported if softmax's mean error is below ${RECALLED} at every n up to ${UP_TO}, at every n its 95 % interval (Student, over seeds) lies below that of each linear attention, and each linear attention's mean error is larger at the largest n than at the smallest. Not supported if at some n softmax's interval lies above ${RECALLED} (n up to ${UP_TO}) or above that of a linear attention, or if no linear attention gets worse with n. Otherwise not decidable, and also if the control fails: at n = ${CONTROL_N} the mean errors must rise in the order ${CONTROL.join(", ")}.`,
    deviations: [
      "The paper's sentence is about performance in practice and its theorems about untrained networks; associative recall is a task of our own on which both are trained, one attention layer with 2 heads of 16 channels.",
      `Each cell is one run of ${STEPS} steps of ${BATCH} sequences with one learning rate (one cycle up to 0.005) for all mechanisms; only the scale of the first weights of q and k was chosen by mechanism: 2, 1 for element-wise and 0.5 for polynomial attention.`,
      "Keys and values are drawn from 8192 vectors each, new ones for the test; every query is an exact copy of a key.",
    ],
    cells: (size) => lengths(size).flatMap((n) => Object.keys(recallers).map((mechanism) => ({ mechanism, n }))),
    async measure(params, context) {
      const { mechanism, n } = params as { readonly mechanism: string; readonly n: number };
      const recaller = recallers[mechanism];
      if (recaller === undefined)
        throw new RangeError(`recall: no mechanism ${mechanism}; expected one of ${Object.keys(recallers).join(", ")}`);
      return { error: await errorOf(recaller, n, seedOf(context.seed, { n }), context) };
    },
    judge,
    figures: (table) => [figure(table)],
  };
}

async function errorOf({ mechanism, scale }: Recaller, n: number, seed: number, context: CellContext): Promise<number> {
  const model = recallModel(mechanism, scale, seed);
  const run = trainer(await trainingBackend(), model);
  try {
    const draw = recallBatches(n, seed + 1);
    if (
      !(await trainUntil(
        run,
        STEPS,
        () => draw(BATCH),
        context,
        (step) => context.progress(step / STEPS),
      ))
    )
      return Number.NaN;
    return await testError(run, model.answer, recallBatches(n, seed + 2));
  } finally {
    run.dispose();
  }
}

/** The error on 8 batches of 256 new sequences. */
async function testError(
  run: Trainer,
  answer: ReturnType<typeof recallModel>["answer"],
  draw: ReturnType<typeof recallBatches>,
): Promise<number> {
  let [error, all] = [0, 0];
  for (let i = 0; i < 8; i++) {
    const { target, ...inputs } = draw(256);
    const y = (await run.evaluate(answer, inputs)).y!.data;
    target!.data.forEach((wanted, at) => {
      error += (y[at]! - wanted) ** 2;
      all += wanted ** 2;
    });
  }
  return error / all;
}

function judge(table: Table): Verdict {
  const names = table.distinct<string>("mechanism");
  const ns = table.distinct<number>("n").toSorted((a, b) => a - b);
  const linears = names.filter((name) => LINEAR.includes(name));
  const at = (mechanism: string, n: number) => table.where({ mechanism, n }).spread("error");
  const [first, last] = [ns[0]!, ns.at(-1)!];
  const shown = (name: string) => `${name} ${words(at(name, last))}`;
  const control = CONTROL.map((name) => at(name, CONTROL_N).mean);
  const inOrder = control.every((x, i) => i === 0 || x > control[i - 1]!);
  const measured =
    `At n = ${last} the error is ${["softmax", ...linears].map(shown).join(", ")}; softmax's largest is ` +
    `${Math.max(...ns.map((n) => at("softmax", n).mean)).toFixed(3)}. At n = ${CONTROL_N} ` +
    `${CONTROL.map((name, i) => `${name} has ${control[i]!.toFixed(3)}`).join(", ")}: the control ${inOrder ? "holds" : "fails"}.`;
  const undecided = { ruling: "not decidable at this size", measured } as const;
  const pairs = ns.flatMap((n) => linears.map((name) => ({ soft: at("softmax", n), lin: at(name, n) })));
  const grows = linears.filter((name) => at(name, last).mean > at(name, first).mean);
  const recalls = ns.filter((n) => n <= UP_TO).map((n) => at("softmax", n));
  if (!inOrder) return undecided;
  if (
    recalls.every(({ mean }) => mean < RECALLED) &&
    pairs.every(({ soft, lin }) => soft.high < lin.low) &&
    grows.length === linears.length
  )
    return { ruling: "supported", measured };
  const refuted =
    recalls.some(({ low }) => low > RECALLED) ||
    pairs.some(({ soft, lin }) => soft.low > lin.high) ||
    grows.length === 0;
  return refuted ? { ruling: "not supported", measured } : undecided;
}

const words = ({ mean, low, high }: Spread): string => `${mean.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;

function figure(table: Table): Figure {
  return {
    name: "recall",
    caption:
      "In-context recall: softmax finds one of n values by its key. Every mechanism with a state of constant size loses more of them the more there are: 816 features (polynomial 3) lose least, then 136 and 153, then 16, where the map matters too. Element-wise attention, whose channels do not act together, loses them even where it keeps every key (exact).",
    panels: [
      {
        x: { label: "pairs n", scale: "log" },
        y: { label: "error of the recalled value (1: no recall)", scale: "linear" },
        series: table.distinct<string>("mechanism").map((mechanism) => ({
          name: mechanism,
          points: table.distinct<number>("n").map((n) => {
            const { mean, low, high } = table.where({ mechanism, n }).spread("error");
            return { x: n, y: mean, low, high };
          }),
        })),
        guides: [{ at: "y", value: 1, label: "no recall" }],
      },
    ],
  };
}
