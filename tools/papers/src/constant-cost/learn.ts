import type { Mechanism } from "@attnkit/core";
import { type Batch, cosine, type HostTensor, trainer } from "@attnkit/train";
import type { CellContext } from "../experiment.ts";
import { trainingBackend, trainUntil } from "../training.ts";
import { languageModel } from "./model.ts";

/** Whole numbers below `classes`, `[rows, tokens + 1]`: each row's inputs and, one further, its targets. */
export interface Windows {
  readonly rows: number;
  readonly data: Float32Array;
}

/** A task to learn, and the number of steps. */
export interface Task {
  readonly classes: number;
  readonly tokens: number;
  readonly steps: number;
  readonly rate: number;
  /** Returns the windows of a training step. */
  train(step: number): Windows;
  /** The windows that are never trained on. */
  readonly heldOut: Windows;
  /** Steps after which the held-out windows are evaluated, ascending, beside the last one. */
  readonly reports?: readonly number[];
}

/** The answers of a trained model on the held-out windows. */
export interface Learned {
  /** Steps done. */
  readonly step: number;
  /** `[rows, tokens]`: minus the logarithm of the probability of the target, in nats. */
  readonly losses: Float32Array;
  /** `[rows, tokens]`: 1 where the target has the largest logit. */
  readonly right: Float32Array;
}

/** Rows of one evaluation. */
const CHUNK = 32;

/**
 * Trains a model with one mechanism on ONNX Runtime's CPU, which runs a whole step as one graph on one thread.
 *
 * @returns the answers at every report and after the last step; the answers up to then if training diverged.
 * @throws Error if a logit of a token depends on a later token.
 */
export async function learn(mechanism: Mechanism, task: Task, context: CellContext): Promise<Learned[]> {
  const { seed, progress } = context;
  const model = languageModel(mechanism, task);
  const schedule = cosine(task.rate, { steps: task.steps, warmup: Math.round(task.steps / 10) });
  const t = trainer(await trainingBackend(), { ...model, schedule, seed, decay: 0.05, clip: 1 });
  const logits = async (windows: Windows) => (await t.evaluate(model.logits, inputs(windows, task))).logits!;
  const answers = async (): Promise<Learned> => {
    const parts: ReturnType<typeof judged>[] = [];
    for (const part of chunks(task.heldOut, task)) parts.push(judged(await logits(part), part, task));
    const join = (pick: (p: ReturnType<typeof judged>) => Float32Array) =>
      Float32Array.from(parts.flatMap((p) => [...pick(p)]));
    return { step: t.stepsDone(), losses: join((p) => p.losses), right: join((p) => p.right) };
  };
  const found: Learned[] = [];
  try {
    const batchAt = (step: number): Batch => {
      const windows = task.train(step);
      return { ...inputs(windows, task), targets: oneHot(windows, task) };
    };
    const train = (until: number) => trainUntil(t, until, batchAt, context, (step) => progress(step / task.steps));
    for (const report of task.reports ?? []) {
      if (!(await train(report))) return found;
      found.push(await answers());
    }
    if (!(await train(task.steps))) return found;
    const [first] = chunks(task.heldOut, task);
    refuseLeak(mechanism.name, await logits(first!), await logits(withOtherEnd(first!, task)), task);
    return [...found, await answers()];
  } finally {
    t.dispose();
  }
}

function* chunks({ rows, data }: Windows, { tokens }: Task): Generator<Windows> {
  for (let at = 0; at < rows; at += CHUNK) {
    const end = Math.min(rows, at + CHUNK);
    yield { rows: end - at, data: data.subarray(at * (tokens + 1), end * (tokens + 1)) };
  }
}

/** Calls `visit` with the number of each token of the windows, its value and its target. */
function each(
  { rows, data }: Windows,
  { tokens }: Task,
  visit: (i: number, token: number, target: number) => void,
): void {
  for (let i = 0; i < rows * tokens; i++) {
    const at = i + Math.floor(i / tokens);
    visit(i, data[at]!, data[at + 1]!);
  }
}

function inputs(windows: Windows, task: Task): Batch {
  const data = new Float32Array(windows.rows * task.tokens);
  each(windows, task, (i, token) => {
    data[i] = token;
  });
  return { tokens: { data, shape: [windows.rows, task.tokens] } };
}

function oneHot(windows: Windows, task: Task): HostTensor {
  const { classes, tokens } = task;
  const data = new Float32Array(windows.rows * tokens * classes);
  each(windows, task, (i, _, target) => {
    data[i * classes + target] = 1;
  });
  return { data, shape: [windows.rows, tokens, classes] };
}

function judged({ data }: HostTensor, windows: Windows, task: Task): { losses: Float32Array; right: Float32Array } {
  const { classes } = task;
  const losses = new Float32Array(windows.rows * task.tokens);
  const right = new Float32Array(losses.length);
  each(windows, task, (i, _, target) => {
    const row = data.subarray(i * classes, (i + 1) * classes);
    const most = row.reduce((a, b) => Math.max(a, b));
    losses[i] = most - row[target]! + Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0));
    right[i] = row[target] === most ? 1 : 0;
  });
  return { losses, right };
}

/** The same windows with another token in the second half of each, from the middle on. */
function withOtherEnd({ rows, data }: Windows, { tokens, classes }: Task): Windows {
  const half = Math.floor(tokens / 2);
  return { rows, data: data.map((x, i) => (i % (tokens + 1) < half ? x : (x + 1) % classes)) };
}

/** Logits before the changed half may differ by rounding, and a leak changes them by much more. */
function refuseLeak(name: string, a: HostTensor, b: HostTensor, { tokens, classes }: Task): void {
  const half = Math.floor(tokens / 2);
  const leak = a.data.reduce((most, x, i) => {
    const early = Math.floor(i / classes) % tokens < half;
    return early ? Math.max(most, Math.abs(x - b.data[i]!)) : most;
  }, 0);
  if (!(leak < 1e-2)) throw new Error(`${name}: logits depend on later tokens; they change by ${leak}, expected 0`);
}
