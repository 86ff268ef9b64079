import { type ChildProcess, fork } from "node:child_process";
import type { Job, Outcome } from "@attnkit/papers/run";
import type { FromChild, ToChild } from "./messages.ts";

/** How long a cell may take to stop after an interrupt, in milliseconds. */
const GRACE = 1000;

/** A child process that measures one cell at a time. After a crash, the next cell gets a new process. */
export interface Worker {
  /** Resolves with what became of the cell, also if the process dies. Calls `progress` with its finished share. */
  run(job: Job, progress: (share: number) => void): Promise<Outcome>;
  /** Lets a running cell stop, then ends the process. */
  stop(): Promise<void>;
}

/** @param file - The built file of a child, which calls `serve`. */
export function worker(file: string): Worker {
  let child: ChildProcess | undefined;
  let said = "";
  const start = (): ChildProcess => {
    // Structured clones carry NaN and infinities, which JSON does not.
    const started = fork(file, { serialization: "advanced", stdio: ["ignore", "ignore", "pipe", "ipc"] });
    said = "";
    started.stderr?.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
    });
    const gone = () => {
      if (child === started) child = undefined;
    };
    return started.on("exit", gone).on("error", gone);
  };
  return {
    run(job, progress) {
      child ??= start();
      const own = child;
      const { experiment, claim, params, seed } = job;
      const cell = { experiment, claim, params, seed };
      const begun = performance.now();
      return new Promise<Outcome>((resolve) => {
        const end = (outcome: Outcome) => {
          own.off("message", heard).off("exit", died).off("error", failed);
          resolve(outcome);
        };
        const crash = (why: string) =>
          end({ ...cell, seconds: (performance.now() - begun) / 1000, error: `${why} ${errorLine(said)}`.trim() });
        const heard = (message: FromChild) => {
          if ("share" in message) progress(message.share);
          else if ("seconds" in message) end({ ...cell, ...message });
        };
        const died = (code: number | null, signal: string | null) =>
          crash(`the process of this cell ended with ${signal ?? `code ${code}`}`);
        const failed = (error: Error) => crash(`the process of this cell failed: ${error.message}`);
        own.on("message", heard).once("exit", died).once("error", failed);
        const message: ToChild = job;
        own.send(message, (error) => {
          // The reason is in the exit, which may come a moment later.
          if (error) setTimeout(() => failed(error), GRACE).unref();
        });
      });
    },
    async stop() {
      const own = child;
      if (!own || own.exitCode !== null || own.signalCode !== null) return;
      const gone = new Promise<void>((resolve) => own.once("exit", () => resolve()));
      if (own.connected) own.disconnect();
      const timer = setTimeout(() => own.kill("SIGKILL"), GRACE);
      await gone;
      clearTimeout(timer);
    },
  };
}

/** The line that names the error. Node prints a stack and its version after it. */
const errorLine = (text: string): string => {
  const lines = text.trim().split("\n");
  const line = lines.findLast((candidate) => /Error/.test(candidate)) ?? lines.at(-1) ?? "";
  return line && `(${line.trim()})`;
};
