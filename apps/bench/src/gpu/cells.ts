import type { DType } from "@attnkit/core";
import { type BaselineEntry, baselines, decodeBaseline } from "@attnkit/measure/baselines";
import type { Choice } from "@attnkit/measure/choice";
import { choices } from "../select.ts";
import { decodeCell, prefillCell, type Setting } from "./attnkit.ts";
import { ortCell, tfjsCell } from "./beside.ts";
import type { Cell } from "./cell.ts";
import type { Columns } from "./columns.ts";
import { drawn } from "./input.ts";
import type { GroupPlan } from "./sizes.ts";
import { GradientTruths, seedOf, type Training, tfjsTrainingCell, trainingCell } from "./training.ts";
import { Truths } from "./truth.ts";
import { copyCell, matmulCell } from "./yardsticks.ts";

/** The columns of a record: each backend on WebGPU, in every float type that is asked for. */
const COLUMNS: readonly (readonly [string, DType])[] = [
  ["webgpu", "float32"],
  ["webgpu", "float16"],
  ["tfjs-webgpu", "float32"],
  ["ort-webgpu", "float32"],
];
const OWN = COLUMNS.filter(([name]) => name === "webgpu");

/** Returns the cells of a group, on an input that is drawn for it. */
export function cellsOf({ what, sizes, others, repeats }: GroupPlan, columns: Columns): Cell[] {
  // Decoding has its tokens in the cache, and one more.
  const sequence = drawn(what === "decode" ? { ...sizes, length: sizes.length + 1 } : sizes, 1);
  const how = { columns, sequence, repeats, truths: new Truths(sequence, what === "decode" ? sizes.length : 0) };
  if (what === "prefill") return prefill(how);
  if (what === "decode") return decode(how, others.join(","));
  return what === "training" ? training(how, others) : linearTime(how, others);
}

const each = (
  mechanisms: string,
  on: typeof COLUMNS,
  make: (choice: Choice, name: string, dtype: DType) => Cell,
): Cell[] => choices(mechanisms).flatMap((choice) => on.map(([name, dtype]) => make(choice, name, dtype)));

const beside = (backend: string, which: (entry: BaselineEntry) => boolean): BaselineEntry[] =>
  baselines.filter((entry) => entry.backend === backend && which(entry));

const ofSoftmax = ({ computes }: BaselineEntry): boolean => computes === undefined || computes.mechanism === "softmax";

const prefill = (how: Setting): Cell[] => [
  ...each("softmax", COLUMNS, (...cell) => prefillCell(...cell, how)),
  ...OWN.map(([name, dtype]) => matmulCell(name, dtype, how)),
  ...beside("tfjs-webgpu", ofSoftmax).map((entry) => tfjsCell(entry, how)),
  ...beside("ort-webgpu", ofSoftmax).map((entry) => ortCell(entry, how)),
];

const decode = (how: Setting, others: string): Cell[] => [
  ...each("softmax", COLUMNS, (...cell) => decodeCell(...cell, how)),
  ...OWN.map(([name, dtype]) => copyCell(name, dtype, how)),
  ortCell(decodeBaseline, how, "last"),
  ...each(others, OWN, (...cell) => decodeCell(...cell, how)),
];

const linearTime = (how: Setting, others: readonly string[]): Cell[] =>
  each(["softmax", ...others].join(","), COLUMNS, (...cell) => prefillCell(...cell, how));

function training(setting: Setting, others: readonly string[]): Cell[] {
  const seed = seedOf(setting.sequence);
  const how: Training = { ...setting, seed, gradients: new GradientTruths(setting.sequence, seed) };
  const able = COLUMNS.filter(([name]) => name !== "ort-webgpu");
  const wanted = ({ computes }: BaselineEntry) =>
    computes !== undefined && ["softmax", "linear"].includes(computes.mechanism);
  return [
    ...each("softmax", COLUMNS, (...cell) => trainingCell(...cell, how)),
    ...each(others.join(","), able, (...cell) => trainingCell(...cell, how)),
    ...beside("tfjs-webgpu", wanted).map((entry) => tfjsTrainingCell(entry, how)),
  ];
}
