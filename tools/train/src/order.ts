import { generator } from "@attnkit/measure/random";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/** A generator that depends on a seed and a number, such as a step: neighbouring numbers give unrelated generators. */
export function generatorAt(seed: number, n: number): RandomGenerator {
  // A multiplicative hash (Knuth 1997, 6.4) sets neighbouring numbers apart.
  return generator(seed ^ Math.imul(n + 1, 0x9e3779b1));
}

/** Returns `0..count-1` in a random order (Fisher and Yates). A seed gives the same order on every machine. */
export function shuffled(count: number, rng: RandomGenerator): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = uniformInt(rng, 0, i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** The order in which examples are seen: epochs, each with a shuffle of its own, cut into batches of equal size. */
export interface DataOrder {
  /** Batches of one epoch. The examples that do not fill a batch are left out of this epoch. */
  readonly batchesPerEpoch: number;
  /** Returns the indices of the batch of a step, which counts from 0. It depends on the seed and the step alone. */
  batchAt(step: number): readonly number[];
}

/**
 * Makes the order of `count` examples. A run that is resumed at a step sees the batches that it would have seen.
 * @throws RangeError if batch is not a whole number from 1 to count.
 */
export function dataOrder(
  count: number,
  { batch, seed }: { readonly batch: number; readonly seed: number },
): DataOrder {
  if (!Number.isInteger(batch) || batch < 1 || batch > count)
    throw new RangeError(`dataOrder: got batch = ${batch}; expected a whole number from 1 to the ${count} examples.`);
  const batchesPerEpoch = Math.floor(count / batch);
  let known: { readonly epoch: number; readonly order: readonly number[] } | undefined;
  return {
    batchesPerEpoch,
    batchAt(step) {
      const epoch = Math.floor(step / batchesPerEpoch);
      if (known?.epoch !== epoch) known = { epoch, order: shuffled(count, generatorAt(seed, epoch)) };
      const at = (step % batchesPerEpoch) * batch;
      return known.order.slice(at, at + batch);
    },
  };
}

/** Returns the rows `indices` of examples stored one after another: `data [count, ...shape] -> [indices, ...shape]`. */
export function gatherRows(data: Float32Array, rowSize: number, indices: readonly number[]): Float32Array {
  const out = new Float32Array(indices.length * rowSize);
  for (const [i, index] of indices.entries())
    out.set(data.subarray(index * rowSize, (index + 1) * rowSize), i * rowSize);
  return out;
}

/** Returns one-hot rows `[indices, classes]` on the host. Throws a RangeError on an index outside `0..classes-1`. */
export function oneHotRows(indices: ArrayLike<number>, classes: number): Float32Array {
  const out = new Float32Array(indices.length * classes);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    if (!Number.isInteger(index) || index < 0 || index >= classes)
      throw new RangeError(`oneHotRows: got ${index} at place ${i}; expected a whole number from 0 to ${classes - 1}.`);
    out[i * classes + index] = 1;
  }
  return out;
}
