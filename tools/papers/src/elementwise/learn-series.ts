import { backends } from "@attnkit/catalog";
import type { Backend, Mechanism } from "@attnkit/core";
import type { Ops } from "@attnkit/core/program";
import { type Batch, type HostTensor, oneCycle, trainer } from "@attnkit/train";
import type { CellContext } from "../experiment.ts";
import { type SeriesShape, seriesModel } from "./series-model.ts";

/** A task to learn. Batches have `series [B, tokens, channels]` and `targets [B, outputs]`. */
export interface SeriesTask extends SeriesShape {
  readonly steps: number;
  /** The largest learning rate of one cycle. */
  readonly rate: number;
  /** Returns the batch of a step. */
  train(step: number): Batch;
  /** Returns the mean loss of a batch, `[1]`. */
  loss<T>(o: Ops<T>, answer: T, targets: T): T;
  /** Series that are never trained on, `[B, tokens, channels]`. */
  readonly test: HostTensor;
}

let made: Promise<Backend<unknown>> | undefined;

/** ONNX Runtime on one thread, which runs a training step as one graph. */
function backend(): Promise<Backend<unknown>> {
  made ??= backends.find(({ name }) => name === "ort-cpu")!.create({ threads: 1 });
  return made;
}

/** Trains a model with one mechanism, and returns its answers `[B, outputs]` to the test series; null if training diverged. */
export async function learnSeries(
  mechanism: Mechanism,
  task: SeriesTask,
  { seed, signal, progress }: CellContext,
): Promise<HostTensor | null> {
  const { parameters, answer } = seriesModel(mechanism, task);
  const run = trainer(await backend(), {
    parameters,
    loss: (o, w, batch) => ({ loss: task.loss(o, answer(o, w, batch).answer!, batch.targets!) }),
    schedule: oneCycle(task.rate, { steps: task.steps }),
    seed,
    clip: 1,
  });
  try {
    for (let step = 0; step < task.steps; step++) {
      signal.throwIfAborted();
      if ((await run.step(task.train(step))).diverged) return null;
      progress((step + 1) / task.steps);
    }
    return (await run.evaluate(answer, { series: task.test })).answer!;
  } finally {
    run.dispose();
  }
}
