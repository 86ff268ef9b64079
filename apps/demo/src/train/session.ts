/** One visitor's training: the worker, what it told so far, and what can be done now. Lives as long as the page. */
import { batch, type Signal, signal } from "@preact/signals";
import { proxy, type Remote, wrap } from "comlink";
import { type BackendName, next } from "../device/device.ts";
import { type Curve, emptyCurve, put } from "./curves.ts";
import { type Engine, LOST, type Opened } from "./engine.ts";
import type { SavedModel } from "./files/weights.ts";
import type { Plan, Snapshots } from "./run.ts";

export type Status =
  | { readonly kind: "idle" | "opening" | "running" | "paused" | "done" }
  /** The device is gone; `next` is the backend to go on with, where one is left. */
  | { readonly kind: "lost"; readonly reason: string; readonly next: BackendName | undefined };

export interface Session {
  readonly status: Signal<Status>;
  readonly opened: Signal<Opened | undefined>;
  /** By mechanism; read after `changed`. */
  readonly curves: ReadonlyMap<string, Curve>;
  /** Counts changes of the curves. */
  readonly changed: Signal<number>;
  /** What is in training, or was. */
  readonly plan: Signal<Plan | undefined>;
  /** Starts anew with the first device that opens; `from` are models that were loaded. */
  start(plan: Plan, device: BackendName, from?: Snapshots): Promise<void>;
  /** As `start`, but held before the first step. */
  load(plan: Plan, device: BackendName, from: Snapshots): Promise<void>;
  pause(): void;
  resume(): Promise<void>;
  /** Ends the run; the models stay for generation and files. */
  stop(): void;
  /** After a lost device: on with another one from the last weights that were kept. */
  proceed(device: BackendName): Promise<void>;
  model(mechanism: string): Promise<SavedModel>;
  worker(): Remote<Engine> | undefined;
  /** Turns a failure into the status where it is the device's, and throws it where it is not. */
  failed(error: unknown): void;
}

export function session(problem: (error: unknown) => void, lostStep: (step: number) => void): Session {
  const status = signal<Status>({ kind: "idle" });
  const opened = signal<Opened | undefined>(undefined);
  const plan = signal<Plan | undefined>(undefined);
  const changed = signal(0);
  const curves = new Map<string, Curve>();
  let kept: Record<string, Snapshots[string]> = {};
  let thread: Worker | undefined;
  let remote: Remote<Engine> | undefined;
  /** Which start is the current one: what an earlier one still says is not heard. */
  let turn = 0;
  /** Small models make more steps than a screen has frames. */
  let told: ReturnType<typeof setTimeout> | undefined;
  const change = () => {
    if (told !== undefined) return;
    told = setTimeout(() => {
      told = undefined;
      changed.value += 1;
    }, 200);
  };

  const open = async (device: BackendName) => {
    thread?.terminate();
    thread = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "train" });
    remote = wrap<Engine>(thread);
    const reasons: string[] = [];
    for (let name: BackendName | undefined = device; name !== undefined; name = next(name)) {
      try {
        return await remote.open(name);
      } catch (error) {
        reasons.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    throw new Error(`nothing here can train: ${reasons.join("; ")}`);
  };

  const failed = (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    if (message.startsWith(LOST)) {
      if (status.peek().kind === "lost") return; // several calls fail at once
      const name = opened.peek()?.name;
      status.value = { kind: "lost", reason: message.slice(LOST.length), next: name && next(name) };
      lostStep(Math.min(...(plan.peek()?.models ?? []).map((m) => kept[m.mechanism]?.step ?? 0)));
    } else {
      status.value = { kind: plan.peek() && remote ? "paused" : "idle" };
      problem(error);
    }
  };

  const train = async () => {
    const mine = turn;
    const engine = remote;
    if (!engine) return;
    status.value = { kind: "running" };
    try {
      const all = await engine.go(
        proxy({
          point(point) {
            if (mine !== turn) return;
            put(curves.get(point.mechanism)!, point);
            change();
          },
          snapshot(mechanism, snapshot) {
            if (mine === turn) kept[mechanism] = snapshot;
          },
        }),
      );
      if (mine === turn && status.peek().kind === "running") status.value = { kind: all ? "done" : "paused" };
    } catch (error) {
      if (mine === turn) failed(error);
    }
  };

  const begin = async (wanted: Plan, device: BackendName, from: Snapshots, go: boolean) => {
    const mine = ++turn;
    batch(() => {
      status.value = { kind: "opening" };
      plan.value = wanted;
    });
    try {
      const found = await open(device);
      if (mine !== turn) return;
      opened.value = found;
      void remote!.lost().then((reason) => {
        if (mine === turn) failed(new Error(LOST + reason));
      });
      await remote!.prepare(wanted, from);
      if (mine !== turn) return;
      kept = { ...from };
    } catch (error) {
      if (mine !== turn) return;
      remote = undefined;
      return failed(error);
    }
    if (go) await train();
    else status.value = { kind: "paused" };
  };

  const clear = (wanted: Plan) => {
    curves.clear();
    for (const { mechanism } of wanted.models) curves.set(mechanism, emptyCurve());
    changed.value += 1;
  };

  return {
    status,
    opened,
    curves,
    changed,
    plan,
    start(wanted, device, from = {}) {
      clear(wanted);
      return begin(wanted, device, from, true);
    },
    load(wanted, device, from) {
      clear(wanted);
      return begin(wanted, device, from, false);
    },
    pause() {
      void remote?.hold();
    },
    resume: train,
    stop() {
      void remote?.hold();
      status.value = { kind: "done" };
    },
    proceed: (device) => begin(plan.peek()!, device, kept, true),
    async model(mechanism) {
      const { status: now, plan: known } = { status: status.peek(), plan: plan.peek() };
      const config = known?.models.find((m) => m.mechanism === mechanism);
      const last = kept[mechanism];
      // Without a device there are still the weights that were kept.
      if (now.kind === "lost" && config && last) return { config, step: last.step, weights: last.weights };
      if (!remote) throw new Error("no model has been trained or loaded");
      return remote.model(mechanism);
    },
    worker: () => remote,
    failed,
  };
}
