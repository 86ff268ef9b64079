import type { Tensors } from "@attnkit/core";
import { elementCount } from "@attnkit/core/backend";
import type { Ops } from "@attnkit/core/program";
import type { Parameter } from "../parameters.ts";

/** A program of the weights by name and of the named tensors of a batch. */
export type ModelProgram = <T>(o: Ops<T>, w: Tensors<T>, batch: Tensors<T>) => Tensors<T>;

/** A model to train: parameters and the function that is made small. */
export interface Trained {
  readonly parameters: readonly Parameter[];
  /** Returns `loss`, one value, and one value for each name in `extras`. */
  readonly loss: ModelProgram;
  /** Names of further outputs of `loss`, one value each, that every step reports. Default: none. */
  readonly extras?: readonly string[];
}

/** Runs `loss`, checks its outputs, and returns them as `[1]`. Throws a RangeError on other names or sizes. */
export function lossOutputs<T>(
  o: Ops<T>,
  { loss, extras = [] }: Trained,
  w: Tensors<T>,
  batch: Tensors<T>,
): Tensors<T> {
  const outputs = loss(o, w, batch);
  const expected = ["loss", ...extras];
  const got = Object.keys(outputs);
  if (got.length !== expected.length || !expected.every((name) => name in outputs))
    throw new RangeError(
      `trainer: loss must return loss and the declared extras; got ${got.join(", ")}, expected ${expected.join(", ")}.`,
    );
  return Object.fromEntries(
    Object.entries(outputs).map(([name, x]) => {
      const shape = o.shape(x) as readonly number[];
      if (elementCount(shape) !== 1)
        throw new RangeError(`trainer: ${name} must be one value; got the shape [${shape}], expected [1].`);
      return [name, o.reshape(x, [1])];
    }),
  );
}
