import { uniforms } from "@attnkit/measure/random";
import { type Batch, type HostTensor, meanSquaredError } from "@attnkit/train";
import { plusMinus } from "../constant-cost/curves.ts";
import { births } from "../data/births.ts";
import type { Claim, Params, Size, Values, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { learnSeries } from "./learn-series.ts";
import { interval, ORDERING_RULE, ordering, ruleOrdering } from "./ordering.ts";
import { paper } from "./paper.ts";
import { BLOCKS, HEADS, WIDTH } from "./series-model.ts";
import { type Subjects, subject, TRAINED } from "./subjects.ts";

/** Days given and days ahead. */
const SETTINGS: Readonly<Record<Size, readonly (readonly [number, number])[]>> = {
  default: [
    [6, 6],
    [6, 12],
  ],
  full: [
    [6, 6],
    [6, 12],
    [48, 12],
  ],
};
const STEPS: Readonly<Record<Size, number>> = { default: 400, full: 4000 };
const BATCH = 64;
const RATE = 3e-3;
/** Shares of the series for training, and from where on it is tested. The tenth between them is not used. */
const [TRAIN, TEST] = [0.7, 0.8];
/** EA-6 is no worse than softmax if its error is at most this share larger. */
const MARGIN = 0.01;

const [MAE, RMSE, LAST] = ["MAE", "RMSE", "RMSE of the last value"];

/** Forecasts of a real series. Tests train for fewer steps. */
export function forecasting(subjects: Subjects = TRAINED, steps: Readonly<Record<Size, number>> = STEPS): Claim {
  return {
    name: "forecasting",
    sentence:
      "In causal forecasting EA-6 has errors as small as or smaller than self-attention's, and smaller than EA-2's.",
    paper,
    where: "Section 4, the forecasting table",
    rule:
      `The error is the root mean square error on the last fifth of the series; no worse than softmax: at most ${100 * MARGIN} % larger. ${ORDERING_RULE} ` +
      "Also not decidable if softmax is no better than repeating the last value.",
    deviations: [
      "Daily births in the United States from 1969 to 1988 instead of ETT and Traffic, in standard deviations of the training part.",
      `${BLOCKS} blocks of ${WIDTH} channels, ${HEADS} heads for softmax, normalisation behind the residuals, learned positions, ${steps.default} steps (${steps.full} with --full) of ${BATCH} ` +
        `windows, Adam with one cycle up to ${RATE} for all; the paper states neither sizes nor rates.`,
      "The weights after the last step are tested; the paper takes those of the best validation. The paper has single runs.",
    ],
    cells: (size) =>
      SETTINGS[size].flatMap(([days, ahead]) => Object.keys(subjects).map((mechanism) => ({ mechanism, days, ahead }))),
    async measure({ mechanism, days, ahead }, context) {
      const [tokens, outputs] = [Number(days), Number(ahead)];
      const all = normed(births());
      const last = all.length - tokens - outputs;
      const uniform = uniforms(context.seed);
      const trained = Math.floor(TRAIN * all.length) - tokens - outputs;
      const first = Math.floor(TEST * all.length);
      const test = windows(
        all,
        Array.from({ length: last - first + 1 }, (_, i) => first + i),
        { tokens, outputs },
      );
      const task = {
        ...{ channels: 1, tokens, outputs, causal: true, steps: steps[context.size], rate: RATE },
        train: () =>
          windows(
            all,
            Array.from({ length: BATCH }, () => Math.floor(uniform() * trained)),
            { tokens, outputs },
          ),
        loss: meanSquaredError,
        test: test.series!,
      };
      const answer = await learnSeries(subject(subjects, String(mechanism)), task, context);
      const repeated = test.targets!.data.map((_, i) => test.series!.data[(Math.floor(i / outputs) + 1) * tokens - 1]!);
      return {
        ...errorsOf(answer?.data, test.targets!),
        [LAST]: errorsOf(repeated, test.targets!)[RMSE]!,
      };
    },
    judge,
    figures,
  };
}

/** In standard deviations of the training part, from its mean. */
function normed(series: Float64Array): Float32Array {
  const known = series.subarray(0, Math.floor(TRAIN * series.length));
  const mean = known.reduce((a, b) => a + b, 0) / known.length;
  const deviation = Math.sqrt(known.reduce((sum, x) => sum + (x - mean) ** 2, 0) / known.length);
  return Float32Array.from(series, (x) => (x - mean) / deviation);
}

function windows(
  all: Float32Array,
  starts: readonly number[],
  { tokens, outputs }: { readonly tokens: number; readonly outputs: number },
): Batch {
  const rows = (offset: number, size: number) => {
    const out = new Float32Array(starts.length * size);
    for (const [i, at] of starts.entries()) out.set(all.subarray(at + offset, at + offset + size), i * size);
    return out;
  };
  return {
    series: { data: rows(0, tokens), shape: [starts.length, tokens, 1] },
    targets: { data: rows(tokens, outputs), shape: [starts.length, outputs] },
  };
}

/** NaN without answers: training diverged. */
function errorsOf(answer: Float32Array | undefined, { data: targets }: HostTensor): Values {
  const mean = (of: (error: number) => number) =>
    answer === undefined ? Number.NaN : answer.reduce((sum, x, i) => sum + of(x - targets[i]!), 0) / targets.length;
  return { [MAE]: mean(Math.abs), [RMSE]: Math.sqrt(mean((x) => x * x)) };
}

interface Setting {
  readonly where: Params;
  readonly name: string;
}

const settingsOf = (table: Table): readonly Setting[] =>
  table.distinct<number>("days").flatMap((days) =>
    table
      .where({ days })
      .distinct<number>("ahead")
      .map((ahead) => ({ where: { days, ahead }, name: `${days} -> ${ahead}` })),
  );

function judge(table: Table): Verdict {
  const parts = settingsOf(table).map(({ where, name }) => {
    const rows = table.where(where);
    const softmax = rows.where({ mechanism: "softmax" }).spread(RMSE);
    const found = ordering(rows, RMSE, MARGIN * softmax.mean);
    const each = table.distinct<string>("mechanism").map((mechanism) => {
      const own = rows.where({ mechanism });
      return `${mechanism} ${plusMinus(own.spread(MAE), 3)} / ${plusMinus(own.spread(RMSE), 3)}`;
    });
    const naive = rows.spread(LAST).mean;
    return {
      found,
      learned: softmax.mean < naive,
      text:
        `${name}: ${each.join(", ")}, the last value repeated ${naive.toFixed(3)} (RMSE); EA-6 minus softmax ${interval(found.toSoftmax, 4)}, ` +
        `EA-6 minus EA-2 ${interval(found.toSecond, 4)}.`,
    };
  });
  return {
    ruling: parts.every(({ learned }) => learned)
      ? ruleOrdering(parts.map(({ found }) => found))
      : "not decidable at this size",
    measured: `MAE / RMSE in standard deviations, days given -> days ahead. ${parts.map(({ text }) => text).join(" ")}`,
  };
}

function figures(table: Table): ReturnType<Claim["figures"]> {
  const settings = settingsOf(table);
  return [
    {
      name: "forecasting",
      caption: `Errors on the last fifth of the series by setting: ${settings.map(({ name }, i) => `${i + 1} is ${name} days`).join(", ")}.`,
      panels: [MAE, RMSE].map((column) => ({
        title: column!,
        x: { label: "setting", scale: "linear" },
        y: { label: `${column} (standard deviations)`, scale: "linear" },
        series: table.distinct<string>("mechanism").map((mechanism, m, names) => ({
          name: mechanism,
          points: settings.map(({ where }, i) => {
            const { mean, low, high } = table.where({ ...where, mechanism }).spread(column!);
            // Mechanisms stand side by side, so that their intervals can be read.
            return { x: i + 1 + 0.06 * (m - (names.length - 1) / 2), y: mean, low, high };
          }),
        })),
      })),
    },
  ];
}
