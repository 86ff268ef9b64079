import type { Io } from "../io.ts";

/** Reports progress to the user, on standard error. */
export interface Progress {
  /** Shows the current stage and its object. If standard error is not a terminal, only a new stage prints a line. */
  step(stage: string, detail: string): void;
  /** Prints a line that stays visible. */
  note(text: string): void;
  stop(): void;
}

const CLEAR = "\r\u001b[K";

/** Overwrites one line on a terminal. Prints plain lines if output goes to a file or a log. */
export function progress(io: Io): Progress {
  if (io.columns === 0) {
    let last = "";
    return {
      step(stage) {
        if (stage !== last) io.err(`${stage} ...\n`);
        last = stage;
      },
      note: (text) => io.err(`${text}\n`),
      stop() {},
    };
  }
  // No spinner: its timer would redraw between the samples that are being timed.
  return {
    step: (stage, detail) => io.err(`${CLEAR}${`${stage}: ${detail}`.slice(0, io.columns - 1)}`),
    note: (text) => io.err(`${CLEAR}${text}\n`),
    stop: () => io.err(CLEAR),
  };
}
