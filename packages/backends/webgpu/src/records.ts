import type { Nested } from "@attnkit/core/backend";
import type { GpuTensor } from "./tensor.ts";

/** A result: a tensor, or a record or list in which tensors may be at any depth. */
export type Result = unknown;

/** Finds the tensors of a result. `isTensor` tells tensors from records. */
export function* tensorsIn(result: Result, isTensor: (x: unknown) => x is GpuTensor): Generator<GpuTensor> {
  if (isTensor(result)) yield result;
  else if (typeof result === "object" && result !== null && !ArrayBuffer.isView(result))
    for (const entry of Object.values(result)) yield* tensorsIn(entry, isTensor);
}

/** Returns a record with every tensor replaced. */
export function replaced<R>(
  x: Nested<GpuTensor>,
  isTensor: (x: unknown) => x is GpuTensor,
  replace: (x: GpuTensor) => R,
): Nested<R> {
  const entries = Object.entries(x).map(([name, entry]) => {
    if (entry === undefined) return [name, undefined] as const;
    return [name, isTensor(entry) ? replace(entry) : replaced(entry as Nested<GpuTensor>, isTensor, replace)] as const;
  });
  return Object.fromEntries(entries) as Nested<R>;
}
