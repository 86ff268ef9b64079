import type { BenchOptions } from "../results.ts";

/** The flags of `attnkit bench` as they are parsed. */
export interface Flags extends Omit<BenchOptions, "contexts" | "lengths" | "memory"> {
  readonly lengths?: number[];
  readonly decodeContexts?: number[];
  readonly memory: boolean;
  readonly memoryLengths?: number;
  readonly quick: boolean;
  readonly out: string;
  readonly resume?: string;
  readonly record?: "gpu";
  readonly smoke: boolean;
}

/** The sizes and limits that `--quick` and its absence stand for. */
export type Preset = Pick<BenchOptions, "lengths" | "contexts" | "budget" | "rounds" | "memory">;
