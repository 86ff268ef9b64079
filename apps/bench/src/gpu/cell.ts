import type { DType } from "@attnkit/core";
import type { CheckResult, GpuResult } from "@attnkit/measure/results";

/** The part that a cell plays: attnkit itself, what a user would run instead, or a yardstick of the device. */
export type Role = "attnkit" | "composition" | "operator" | "matmul" | "copy";

/** One cell of a record, before it is measured. */
export interface Cell {
  /** The backend's name in the catalog. */
  readonly column: string;
  readonly role: Role;
  /** The mechanism's name, or that of the program that stands beside it. */
  readonly name: string;
  readonly dtype: DType;
  /** Uploads, computes and checks one answer. Throws an Error with the reason if the cell cannot run here. */
  open(): Promise<Ready>;
}

/** A cell with a checked answer, ready to be timed. */
export interface Ready {
  readonly checks: readonly CheckResult[];
  /** Operations that the causal answer needs; null for a copy. */
  readonly flops: number | null;
  /** Bytes of keys and values that the answer must read; of a copy, the bytes that it copies. Null where it is not counted. */
  readonly bytes: number | null;
  /** Dispatches and bytes of one call; null if the device cannot be metered. */
  readonly gpu: GpuResult | null;
  /** A fact about the times that a reader must know. */
  readonly note?: string;
  /** Returns the seconds per call of `calls` calls, which are waited for once, at their end. */
  sample(calls: number): Promise<number>;
  dispose(): void;
}

/** The reason why a cell cannot run on this machine or backend, which is no fault of attnkit. */
export class Refusal extends Error {}

/** Returns the seconds that `run` takes. */
export async function clocked(run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

/** Operations of causal attention: two products over the visible pairs. */
export const attentionFlops = (queries: number, keys: number, heads: number, d: number): number =>
  2 * heads * 2 * d * (queries === 1 ? keys : (keys * (keys + 1)) / 2);
