import type { BenchOptions } from "@attnkit/measure/results";

/** The flags of `attnkit bench`, parsed. */
export interface Flags extends Omit<BenchOptions, "contexts" | "lengths" | "memory" | "tiles"> {
  readonly lengths?: number[];
  readonly decodeContexts?: number[];
  readonly memory: boolean;
  readonly memoryLengths?: number;
  readonly quick: boolean;
  readonly out: string;
  readonly resume?: string;
  readonly record?: "cpu" | "gpu";
  readonly smoke: boolean;
  readonly against?: string;
  /** Percent. */
  readonly threshold: number;
  readonly onlySlower: boolean;
  readonly tiles?: string;
  readonly frontier: boolean;
}

/** The sizes and limits that are used with `--quick`, or without it. */
export type Preset = Pick<BenchOptions, "lengths" | "contexts" | "budget" | "rounds" | "memory">;
