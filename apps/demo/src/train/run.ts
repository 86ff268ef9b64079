import { creator, mechanisms } from "@attnkit/catalog/mechanisms";
import type { Backend, Mechanism } from "@attnkit/core";
import type { KernelTarget } from "@attnkit/core/backend";
import type { Snapshot } from "@attnkit/train";
import { initialise, type ModelConfig } from "./model/config.ts";
import { batchAt, corpus, heldOutBatch } from "./model/data.ts";
import { type StepReport, type Trainer, trainer } from "./model/trainer.ts";

/** The visitor's choices. Together with the snapshots they determine a run. */
export interface Plan {
  readonly models: readonly ModelConfig[];
  readonly text: Uint8Array;
  readonly seed: number;
  readonly batch: number;
  /** Steps in all, those of a snapshot included. */
  readonly steps: number;
  readonly rate: number;
}

/** One step of one model, as the curves show it. */
export interface Point extends StepReport {
  readonly mechanism: string;
  /** Counted from 1. */
  readonly step: number;
  readonly tokensPerSecond: number;
  /** Loss on the held-out text, every so many steps. */
  readonly heldOut?: number;
}

export type Snapshots = Readonly<Record<string, Snapshot>>;

/** Receives the events of a run. */
export interface Listener {
  point(point: Point): void;
  snapshot(mechanism: string, snapshot: Snapshot): void;
}

/** Runs one piece of work at a time. */
export type Alone = <T>(work: () => Promise<T>) => Promise<T>;

/** A run that can be held, and whose models can be used while it is. */
export interface Run {
  /** Trains until all steps are done or `signal` aborts; can be called again after that. `alone` runs each step. */
  go(signal: AbortSignal, listener: Listener, alone?: Alone): Promise<void>;
  trainerOf(mechanism: string): Trainer;
  dispose(): void;
}

/** Held-out loss is taken at every so many steps, and at the last. */
const EVERY = 25;
/** Seconds between two copies of the weights on the host: what a lost device costs at most. */
const KEEP = 2;

/** The mechanism of a model, with its kernels for a backend. */
export async function mechanismOf({ mechanism, options }: ModelConfig, target: KernelTarget): Promise<Mechanism> {
  const entry = mechanisms.find((m) => m.name === mechanism);
  if (entry) return (await creator(entry, target))(options);
  throw new RangeError(`There is no mechanism ${mechanism}; expected ${mechanisms.map((m) => m.name).join(", ")}.`);
}

/** All models side by side, a step of each in turn, so that their curves can be compared at any moment. */
export async function startRun(backend: Backend<unknown>, plan: Plan, from: Snapshots): Promise<Run> {
  const { context } = plan.models[0]!;
  const data = corpus(plan.text, context);
  const held = heldOutBatch(data, 16, context);
  const made = await Promise.all(plan.models.map((config) => mechanismOf(config, backend)));
  const trainers = plan.models.map((config, i) => {
    const start = from[config.mechanism] ?? { step: 0, weights: initialise(config, plan.seed) };
    return trainer(backend, made[i]!, config, start, plan.rate);
  });
  const kept = new Map<string, number>();

  const advance = async (t: Trainer, listener: Listener) => {
    const start = performance.now();
    const report = await t.train(batchAt(data, plan.seed, t.step(), plan.batch, context));
    const seconds = (performance.now() - start) / 1000;
    const step = t.step();
    const last = step === plan.steps;
    const { mechanism } = t.config;
    const heldOut = step % EVERY === 0 || last ? { heldOut: await t.evaluate(held) } : {};
    listener.point({ mechanism, step, ...report, ...heldOut, tokensPerSecond: (plan.batch * context) / seconds });
    const now = performance.now() / 1000;
    if (last || now - (kept.get(mechanism) ?? Number.NEGATIVE_INFINITY) > KEEP) {
      listener.snapshot(mechanism, await t.snapshot());
      kept.set(mechanism, now);
    }
  };

  return {
    async go(signal, listener, alone = (work) => work()) {
      for (;;) {
        const first = Math.min(...trainers.map((t) => t.step()));
        if (first >= plan.steps) return;
        for (const t of trainers.filter((t) => t.step() === first)) {
          if (signal.aborted) return;
          await alone(() => advance(t, listener));
          await breathe();
        }
      }
    },
    trainerOf(mechanism) {
      const found = trainers.find((t) => t.config.mechanism === mechanism);
      if (found) return found;
      throw new RangeError(`No model with ${mechanism} is in training.`);
    },
    dispose() {
      for (const t of trainers) t.dispose();
    },
  };
}

/** Gives messages a turn between two steps. A timer would wait 4 ms each time (HTML, timers, step 5). */
export const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
