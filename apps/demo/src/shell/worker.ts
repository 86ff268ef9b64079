/** Workers that may fail to load, throw or never answer; comlink alone would wait for them for ever. */
import { type Remote, wrap } from "comlink";

/** The worker is gone, not the device: the same may be tried again. */
export class WorkerFailure extends Error {}

export interface Working<T> {
  /** Calls reject with a {@link WorkerFailure} once the worker has failed or was ended. */
  readonly remote: Remote<T>;
  /** Ends the worker; every call that waits for it rejects. */
  end(reason: string): void;
  /** Ends a worker for which nothing waits. */
  close(): void;
}

export function working<T>(worker: Worker): Working<T> {
  let fail: (error: WorkerFailure) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {}); // also where nothing waits for it
  const end = (reason: string) => {
    worker.terminate();
    fail(new WorkerFailure(reason));
  };
  worker.addEventListener("error", (event) => {
    event.preventDefault(); // said on the page
    // A script that could not be fetched gives an event without a message.
    end(
      event.message
        ? `the worker stopped: ${event.message}`
        : "the worker could not be loaded: the browser may be offline, or the page was updated. Try again, or reload the page",
    );
  });
  worker.addEventListener("messageerror", () => end("the worker sent a message that this browser cannot read"));
  const remote = wrap<T>(worker) as unknown as Record<PropertyKey, (...args: unknown[]) => Promise<unknown>>;
  const guarded = new Proxy({} as typeof remote, {
    get: (_, name) =>
      // A promise that resolves with this must not take it for another promise.
      name === "then" ? undefined : (...args: unknown[]) => Promise.race([failed, remote[name]!(...args)]),
  });
  return { remote: guarded as unknown as Remote<T>, end, close: () => worker.terminate() };
}
