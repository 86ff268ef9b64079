/** The experiments that train share the backend and the loop over steps. */
import { backends } from "@attnkit/catalog";
import type { Backend } from "@attnkit/core";
import type { Batch, Trainer } from "@attnkit/train";
import type { CellContext } from "./experiment.ts";

let made: Promise<Backend<unknown>> | undefined;

/**
 * Returns ONNX Runtime on one thread, one instance per process: a step as one graph took a fifth to a twentieth of the
 * time of the plain JavaScript backend.
 */
export function trainingBackend(): Promise<Backend<unknown>> {
  made ??= backends.find(({ name }) => name === "ort-cpu")!.create({ threads: 1 });
  return made;
}

/**
 * Trains until the trainer has done `steps` steps. `batchAt` returns the batch of a step, which counts from 0.
 *
 * @returns false if training diverged, and true otherwise.
 * @throws the reason of the signal if the run is interrupted.
 */
export async function trainUntil(
  trainer: Trainer,
  steps: number,
  batchAt: (step: number) => Batch,
  { signal }: Pick<CellContext, "signal">,
  done: (step: number) => void = () => undefined,
): Promise<boolean> {
  for (let step = trainer.stepsDone(); step < steps; step++) {
    signal.throwIfAborted();
    if ((await trainer.step(batchAt(step))).diverged) return false;
    done(step + 1);
  }
  return true;
}
