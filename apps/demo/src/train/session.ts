/** One visitor's training: the worker, what it told so far, and what can be done now. Lives as long as the page. */
import { batch, type Signal, signal } from "@preact/signals";
import { proxy, type Remote } from "comlink";
import { type BackendName, nameOf, next } from "../device/device.ts";
import { WorkerFailure, type Working, working } from "../shell/worker.ts";
import { type Curve, emptyCurve, put } from "./curves.ts";
import { type Engine, LOST, type Opened } from "./engine.ts";
import type { SavedModel } from "./files/weights.ts";
import type { Plan, Snapshots } from "./run.ts";

export type Status =
  | { readonly kind: "opening" | "running" | "paused" | "done" }
  /** `reason`: why the last start came to nothing. */
  | { readonly kind: "idle"; readonly reason?: string }
  /** The device or the worker is gone; `next` is the backend to go on with, where one is left. */
  | { readonly kind: "lost"; readonly what: string; readonly reason: string; readonly next: BackendName | undefined };

/** Which device made the steps from `step` on. */
export interface Stretch {
  readonly step: number;
  readonly on: string;
}

export interface Session {
  readonly status: Signal<Status>;
  readonly opened: Signal<Opened | undefined>;
  /** The curve of each mechanism. Read it after `changed`. */
  readonly curves: ReadonlyMap<string, Curve>;
  /** Counts changes of the curves. */
  readonly changed: Signal<number>;
  /** The devices of the curves, in the order of their steps. */
  readonly stretches: Signal<readonly Stretch[]>;
  /** True where a model has steps that no downloaded file holds. */
  unsaved(): boolean;
  /** Notes that a file with this model was handed out. */
  saved(mechanism: string, step: number): void;
  /** The plan that is or was being trained. */
  readonly plan: Signal<Plan | undefined>;
  /** Starts anew with the first device that opens; `from` are models that were loaded. */
  start(plan: Plan, device: BackendName, from?: Snapshots): Promise<void>;
  /** As `start`, but held before the first step. */
  load(plan: Plan, device: BackendName, from: Snapshots): Promise<void>;
  pause(): void;
  resume(): Promise<void>;
  /** Ends the run; the models stay for generation and files. While it is opening, ends the attempt. */
  stop(): void;
  /** After a lost device: on with another one from the last weights that were kept. */
  proceed(device: BackendName): Promise<void>;
  model(mechanism: string): Promise<SavedModel>;
  worker(): Remote<Engine> | undefined;
  /** Turns a failure into the status where it is the device's, and throws it where it is not. */
  failed(error: unknown): void;
}

export function session(problem: (error: unknown) => void, lostStep: (what: string, step: number) => void): Session {
  const status = signal<Status>({ kind: "idle" });
  const opened = signal<Opened | undefined>(undefined);
  const plan = signal<Plan | undefined>(undefined);
  const changed = signal(0);
  const curves = new Map<string, Curve>();
  let kept: Record<string, Snapshots[string]> = {};
  const stretches = signal<readonly Stretch[]>([]);
  const savedSteps = new Map<string, number>();
  let thread: Working<Engine> | undefined;
  let remote: Remote<Engine> | undefined;
  /** Which start is the current one: what an earlier one still says is not heard. */
  let turn = 0;
  let wantedDevice: BackendName = "cpu";
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
    thread?.close();
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "train" });
    thread = working<Engine>(worker);
    remote = thread.remote;
    const reasons: string[] = [];
    for (let name: BackendName | undefined = device; name !== undefined; name = next(name)) {
      try {
        return await remote.open(name);
      } catch (error) {
        // Not the device's fault: the next one would fail alike.
        if (error instanceof WorkerFailure) throw error;
        reasons.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    throw new Error(`nothing here can train: ${reasons.join("; ")}`);
  };

  const failed = (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    const isWorker = error instanceof WorkerFailure;
    if (isWorker || message.startsWith(LOST)) {
      if (status.peek().kind === "lost") return; // several calls fail at once
      const reason = isWorker ? message : message.slice(LOST.length);
      const name = opened.peek()?.name;
      const step = Math.min(...(plan.peek()?.models ?? []).map((m) => kept[m.mechanism]?.step ?? 0));
      const what = isWorker ? "worker" : "device";
      status.value = { kind: "lost", what, reason, next: name && next(name) };
      lostStep(what, step);
    } else {
      status.value = { kind: plan.peek() && remote ? "paused" : "idle" };
      problem(error);
    }
  };

  /** A start that came to nothing: with weights from before it can be tried again from them, else from nothing. */
  const notOpened = (reason: string, device: BackendName) => {
    remote = undefined;
    const resumes = plan.peek()?.models.some((m) => kept[m.mechanism]) ?? false;
    status.value = resumes ? { kind: "lost", what: "start", reason, next: device } : { kind: "idle", reason };
  };

  /** A worker that is gone has told so elsewhere. */
  const hold = () => void remote?.hold().catch(() => {});

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
    wantedDevice = device;
    batch(() => {
      status.value = { kind: "opening" };
      plan.value = wanted;
    });
    try {
      const found = await open(device);
      if (mine !== turn) return;
      opened.value = found;
      const engine = remote!;
      engine.lost().then(
        (reason) => {
          if (mine === turn) failed(new Error(LOST + reason));
        },
        (error: unknown) => {
          if (mine === turn && status.peek().kind !== "opening") failed(error);
        },
      );
      await engine.prepare(wanted, from);
      if (mine !== turn) return;
      kept = { ...from };
      const step = Math.min(...wanted.models.map((m) => from[m.mechanism]?.step ?? 0));
      const before = stretches.peek().filter((s) => s.step <= step);
      const on = nameOf(found);
      stretches.value = before.at(-1)?.on === on ? before : [...before, { step: step + 1, on }];
    } catch (error) {
      if (mine !== turn) return;
      notOpened(error instanceof Error ? error.message : String(error), device);
      problem(error);
      return;
    }
    if (go) await train();
    else status.value = { kind: "paused" };
  };

  const clear = (wanted: Plan) => {
    curves.clear();
    savedSteps.clear();
    stretches.value = [];
    opened.value = undefined;
    kept = {};
    for (const { mechanism } of wanted.models) curves.set(mechanism, emptyCurve());
    changed.value += 1;
  };

  return {
    status,
    opened,
    curves,
    changed,
    plan,
    stretches,
    unsaved: () => [...curves].some(([name, { loss }]) => loss.length > (savedSteps.get(name) ?? 0)),
    saved: (mechanism, step) => void savedSteps.set(mechanism, step),
    start(wanted, device, from = {}) {
      clear(wanted);
      return begin(wanted, device, from, true);
    },
    load(wanted, device, from) {
      clear(wanted);
      for (const [mechanism, { step }] of Object.entries(from)) savedSteps.set(mechanism, step);
      return begin(wanted, device, from, false);
    },
    pause() {
      hold();
    },
    resume: train,
    stop() {
      if (status.peek().kind === "opening") {
        turn += 1;
        notOpened("stopped", wantedDevice);
        thread?.end("stopped");
        return;
      }
      hold();
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
