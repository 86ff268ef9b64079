import type { Nested } from "@attnkit/core/backend";
import type { Memory } from "./memory.ts";
import type { GpuTensor } from "./tensor.ts";

/**
 * Runs `run` and frees the tensors that it makes, except those in its result: a tensor, or records or lists of tensors at any
 * depth. The result is the very object that `run` returned.
 */
export const tidy = <R>(memory: Memory, run: () => R): R => memory.scope(run, (result) => tensorsIn(memory, result));

/**
 * Runs `run` like `tidy`, and makes every tensor in the record that it returns one of its own. A tensor that was not made by
 * `run`, or is there twice, is replaced by another in the same buffer. Freeing a result then never frees an input.
 */
export function tidyRecord<R extends Nested<GpuTensor>>(memory: Memory, run: () => R): R {
  return tidy(memory, () => {
    const seen = new Set<GpuTensor>();
    const own = (x: GpuTensor): GpuTensor => {
      if (!memory.isNew(x) || seen.has(x)) return memory.alias(x);
      seen.add(x);
      return x;
    };
    const record = (x: Nested<GpuTensor>): Nested<GpuTensor> =>
      Object.fromEntries(
        Object.entries(x).map(([name, entry]) => {
          if (entry === undefined || memory.isTensor(entry)) return [name, entry && own(entry)];
          return [name, record(entry as Nested<GpuTensor>)];
        }),
      );
    return record(run()) as R;
  });
}

function* tensorsIn(memory: Memory, x: unknown): Generator<GpuTensor> {
  if (memory.isTensor(x)) yield x;
  else if (typeof x === "object" && x !== null && !ArrayBuffer.isView(x))
    for (const entry of Object.values(x)) yield* tensorsIn(memory, entry);
}
