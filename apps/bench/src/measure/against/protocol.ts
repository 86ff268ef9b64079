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
  /** Checks one answer of a size. */
  answer(size: Size): Promise<Answer>;
  /**
   * Makes twice as many calls of a size in every step, until a step takes half of `seconds` by the clock of its cell.
   * Resolves with the seconds per call of that step.
   */
  warm(size: Size, seconds: number): Promise<number>;
  /** Takes one sample of a size that is warm: seconds per call, by the clock of its cell. */
  sample(size: Size, calls: number): Promise<number>;
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
