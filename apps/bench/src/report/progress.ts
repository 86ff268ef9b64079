import type { Io } from "../io.ts";

/** Tells the user what is going on, on standard error. */
export interface Progress {
  /** What runs now, and on what. Off a terminal only a new stage is worth a line. */
  step(stage: string, detail: string): void;
  /** Something to keep in view. */
  note(text: string): void;
  stop(): void;
}

const CLEAR = "\r\u001b[K";

/** One line that is written over on a terminal, plain lines where output goes to a file or a log. */
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
