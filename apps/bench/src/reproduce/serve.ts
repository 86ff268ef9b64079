import type { Experiment } from "@attnkit/papers";
import { type Job, measureJob } from "@attnkit/papers/run";
import { messageOf } from "../io.ts";
import type { FromChild, ToChild } from "./messages.ts";

/** Between two reports of progress, in milliseconds. */
const QUIET = 250;

/** Measures the cells that the parent process sends, one after the other, until it disconnects. */
export function serve(experiments: readonly Experiment[]): void {
  const controller = new AbortController();
  const parent = process.ppid;
  let busy = false;
  const send = (message: FromChild) => {
    if (process.connected) process.send?.(message);
    else process.exit(0);
  };
  const measure = async (job: Job) => {
    busy = true;
    const start = performance.now();
    let said = start;
    const progress = (share: number) => {
      const now = performance.now();
      if (now - said < QUIET) return;
      said = now;
      // A cell that never waits would not learn otherwise that the run has been killed.
      if (process.ppid !== parent) process.exit(1);
      if (process.connected) send({ share: Math.min(1, Math.max(0, share)) });
    };
    const seconds = () => (performance.now() - start) / 1000;
    try {
      const values = await measureJob(experiments, job, { signal: controller.signal, progress });
      send({ values, seconds: seconds() });
    } catch (error) {
      send({ error: messageOf(error), seconds: seconds() });
    }
    busy = false;
  };
  process.on("message", (job: ToChild) => void measure(job));
  // An interrupt of the terminal reaches every process of the run. The parent decides what it means.
  process.on("SIGINT", () => {});
  process.on("disconnect", () => {
    controller.abort();
    if (!busy) process.exit(0);
  });
}
