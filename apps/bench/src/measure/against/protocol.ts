import type { BenchOptions, CheckResult } from "@attnkit/measure/results";
import type { Sequence } from "@attnkit/measure/sequence";
import type { Candidate } from "../plan.ts";

/** A cell that a build can run. */
export interface Cell {
  readonly id: string;
  readonly backend: string;
  readonly software: boolean;
  readonly clock: Clock;
}

/**
 * `cpu`: the processor time of the process, which other programs on the machine hardly change. It is used where all
 * computing is on one thread. `wall`: elapsed time, for GPUs and several threads.
 */
export type Clock = "cpu" | "wall";

/** A prefill of `size` tokens, or one token decoded after `size` tokens. */
export interface Size {
  readonly cell: string;
  readonly what: "prefill" | "decode";
  readonly size: number;
  /** Calls per sample. */
  readonly calls: number;
}

/** The check of one answer against the reference, and a row of the answer to compare with the other build's. */
export interface Answer {
  readonly check: CheckResult;
  readonly row: Float64Array;
}

/** The methods of the process of a build. Each rejects with the message of the error in that process. */
export interface Build {
  open(options: BenchOptions, sequence: Sequence): Promise<readonly Cell[]>;
  /** Compares every entry of two blocks with the reference. */
  check(cell: string): Promise<CheckResult>;
  /** Times the shortest sizes of a cell and predicts the others. */
  pilot(cell: string): Promise<readonly Candidate[]>;
  /** Checks one answer and warms up. */
  prepare(size: Size): Promise<Answer>;
  /** Takes one sample of a size that was prepared: seconds per call, by the clock of its cell. */
  sample(size: Size): Promise<number>;
  /** Frees a size. */
  dispose(size: Size): Promise<void>;
}

export type Method = keyof Build;

/** A call of a method, in its process. */
export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

/** The answer to the call of the same id: a value, or the message of an error. */
export type Reply = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };
