import type { Replay } from "./replay.ts";

/** The functions of a test runner that the suite needs: those of vitest, jest, node:test or another one. */
export interface Runner {
  describe(name: string, body: () => void): unknown;
  test(name: string, body: () => Promise<void>): unknown;
  /** The line that runs one case again in this runner. Default: a call of `runConformance`. See `replayByName`. */
  readonly replay?: Replay;
}
