/** Trains outside the page's thread: one backend, one run at a time. The page talks to it through Comlink. */

import type { BackendName, OpenBackend } from "../device/device.ts";
import { openBackend } from "../device/open.ts";
import type { SavedModel } from "./files/weights.ts";
import { type Generated, generate, type Sampling } from "./model/generate.ts";
import { uploaded } from "./model/trainer.ts";
import { breathe, type Listener, mechanismOf, type Plan, type Run, type Snapshots, startRun } from "./run.ts";

export interface Opened {
  readonly name: BackendName;
  readonly adapter: string;
  readonly hardware: boolean;
}

export interface Engine {
  open(name: BackendName): Promise<Opened>;
  /** Resolves with the reason once the open device is lost, in the middle of work or not. */
  lost(): Promise<string>;
  /** Makes the models; nothing is trained yet. */
  prepare(plan: Plan, from: Snapshots): Promise<void>;
  /** Trains until all steps are done (true) or `hold` is called (false). Rejects where the device is lost. */
  go(listener: Listener): Promise<boolean>;
  hold(): void;
  model(mechanism: string): Promise<SavedModel>;
  /** Rejects where the device is lost; ends early after `hush`. */
  speak(mechanism: string, prompt: Uint8Array, how: Sampling, heard: (x: Generated) => void): Promise<void>;
  hush(): void;
}

/** The message by which the page knows that it is the device that failed, not the program. */
export const LOST = "the device was lost: ";

/** Milliseconds in which a failure may still turn out to be the device's. */
const GRACE = 4000;

export function engine(): Engine {
  let opened: OpenBackend | undefined;
  let run: Run | undefined;
  let holding = new AbortController();
  let speaking = new AbortController();
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: a step replaces the weights that others read. */
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
  const here = () => {
    if (opened) return opened;
    throw new Error("no backend is open");
  };
  const running = () => {
    if (run) return run;
    throw new Error("no model has been made");
  };
  /** A lost device may leave downloads that never end, and may fail others before it says that it is lost. */
  const unlessLost = async <T>(work: Promise<T>): Promise<T> => {
    const gone = here().lost.then((reason): never => {
      throw new Error(LOST + reason);
    });
    try {
      return await Promise.race([work, gone]);
    } catch (error) {
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, GRACE))]);
      throw error;
    }
  };

  return {
    async open(name) {
      opened = await openBackend(name);
      const { adapter, hardware } = opened;
      return { name, adapter, hardware };
    },
    lost: () => here().lost,
    async prepare(plan, from) {
      run?.dispose();
      run = undefined;
      run = await startRun(here().backend, plan, from);
    },
    async go(listener) {
      holding = new AbortController();
      const { signal } = holding;
      await unlessLost(running().go(signal, listener, alone));
      return !signal.aborted;
    },
    hold: () => holding.abort(),
    async model(mechanism) {
      const { config, snapshot } = running().trainerOf(mechanism);
      const { step, weights } = await unlessLost(alone(snapshot));
      return { config, step, weights };
    },
    async speak(mechanism, prompt, how, heard) {
      speaking = new AbortController();
      const { signal } = speaking;
      const { backend } = here();
      const { config, snapshot } = running().trainerOf(mechanism);
      const made = await mechanismOf(config, backend);
      // A copy, so that training may go on meanwhile.
      const { weights: flat } = await unlessLost(alone(snapshot));
      const weights = uploaded(backend, config, flat);
      const stream = generate(backend, made, config, weights, prompt, how);
      try {
        for (;;) {
          const next = await unlessLost(alone(() => stream.next()));
          if (next.done || signal.aborted) break;
          heard(next.value);
          await breathe();
        }
      } finally {
        await stream.return();
        for (const t of Object.values(weights)) backend.free(t);
      }
    },
    hush: () => speaking.abort(),
  };
}
