import {
  accuracy,
  type Batch,
  gatherRows,
  type HostTensor,
  oneCycle,
  oneHotRows,
  type Trainer,
  trainer,
} from "@attnkit/train";
import type { CellContext, Values } from "../experiment.ts";
import { trainingBackend, trainUntil } from "../training.ts";
import { refuseOther } from "./refuse-other.ts";
import type { Variant } from "./variants.ts";
import { BLOCKS, type Sizes, type VisionModel, visionModel } from "./vision-model.ts";

/** Examples of one step, and the largest learning rate. */
export const BATCH = 32;
export const RATE = 3e-3;
const DECAY = 0.05;

/** Labelled examples: `x [count, tokens, channels]` and whole numbers below `classes`. */
export interface Examples {
  readonly x: Float32Array;
  readonly labels: ArrayLike<number>;
}

/** A task to learn, and the number of steps. */
export interface Task extends Sizes {
  readonly steps: number;
  /** Returns the `BATCH` examples of a step. */
  train(step: number): Examples;
  /** The examples that are never trained on; a multiple of `CHUNK`. */
  readonly heldOut: Examples;
}

/** Examples of one evaluation, and those whose norms are measured. */
export const CHUNK = 250;
const PROBED = 16;

export const ACCURACY = "accuracy";
export const LOSS = "held-out loss";

/** The shares of training after which norms are measured. */
export const SHARES: readonly number[] = Array.from({ length: 11 }, (_, i) => i / 10);

/** The column of the norm of a block, which counts from 0, after a share of training. */
export const normAt = (block: number, share: number): string =>
  `norm of block ${block + 1} at ${Math.round(100 * share)} %`;

/**
 * Trains the vision transformer with one variant. All variants have the same first weights and data for one seed.
 *
 * @returns accuracy and loss on the held-out examples, and the norms of each block on the way. All columns that follow a
 *   divergence are NaN.
 * @throws Error if the mechanism is not the variant's formula.
 */
export async function learn(name: string, variant: Variant, task: Task, context: CellContext): Promise<Values> {
  const backend = await trainingBackend();
  await refuseOther(backend, name, variant);
  const { seed, progress } = context;
  const { steps } = task;
  const model = visionModel(variant.mechanism, task);
  const t = trainer(backend, {
    ...{ ...model, seed, decay: DECAY, clip: 1 },
    schedule: oneCycle(RATE, { steps, rising: 0.1 }),
  });
  const probe = batchOf(part(task.heldOut, 0, PROBED, task), task);
  const columns: Record<string, number> = Object.fromEntries(
    SHARES.flatMap((share) => Array.from({ length: BLOCKS }, (_, block) => [normAt(block, share), Number.NaN])),
  );
  try {
    for (const share of SHARES) {
      const batchAt = (step: number) => batchOf(task.train(step), task);
      const sound = await trainUntil(t, Math.round(share * steps), batchAt, context, (step) => progress(step / steps));
      if (!sound) return { [ACCURACY]: Number.NaN, [LOSS]: Number.NaN, ...columns };
      const norms = await t.evaluate(model.norms, { x: probe.x! });
      for (let block = 0; block < BLOCKS; block++) columns[normAt(block, share)] = norms[String(block)]!.data[0]!;
    }
    return { ...(await heldOut(t, model, task)), ...columns };
  } finally {
    t.dispose();
  }
}

async function heldOut(t: Trainer, model: VisionModel, task: Task): Promise<Values> {
  const chunks = task.heldOut.labels.length / CHUNK;
  let [right, loss] = [0, 0];
  for (let i = 0; i < chunks; i++) {
    const { x, targets } = batchOf(part(task.heldOut, i * CHUNK, CHUNK, task), task);
    const logits = (await t.evaluate(model.logits, { x: x! })).logits!;
    right += accuracy(logits, targets!) / chunks;
    loss += crossEntropyOf(logits, targets!) / chunks;
  }
  return { [ACCURACY]: right, [LOSS]: loss };
}

/** Mean cross-entropy in nats, on the host. */
function crossEntropyOf({ data, shape }: HostTensor, { data: targets }: HostTensor): number {
  const [rows, classes] = shape as readonly [number, number];
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const own = data.subarray(row * classes, (row + 1) * classes);
    const most = own.reduce((a, b) => Math.max(a, b));
    const lse = most + Math.log(own.reduce((total, x) => total + Math.exp(x - most), 0));
    sum += lse - own.reduce((total, x, c) => total + x * targets[row * classes + c]!, 0);
  }
  return sum / rows;
}

function part({ x, labels }: Examples, from: number, count: number, { tokens, channels }: Sizes): Examples {
  const rows = Array.from({ length: count }, (_, i) => from + i);
  return { x: gatherRows(x, tokens * channels, rows), labels: rows.map((row) => labels[row]!) };
}

function batchOf({ x, labels }: Examples, { tokens, channels, classes }: Sizes): Batch {
  return {
    x: { data: x, shape: [labels.length, tokens, channels] },
    targets: { data: oneHotRows(labels, classes), shape: [labels.length, classes] },
  };
}
