/** The visitor's race: its workers, its results, and what can be done now. Lives as long as the page. */
import { batch, type Signal, signal } from "@preact/signals";
import { type BackendName, next } from "../device/device.ts";
import { type WorkerFailure, type Working, working } from "../shell/worker.ts";
import { conduct, newResults, type Remote } from "./conduct.ts";
import type { Racer } from "./racer.ts";
import type { RaceOptions, RaceResults } from "./results.ts";

export interface Racing {
  readonly kind: Signal<"idle" | "running" | "stopping" | "stopped" | "done">;
  /** A description of the current step. */
  readonly doing: Signal<string>;
  /** Read after `changed`. */
  results(): RaceResults | undefined;
  readonly changed: Signal<number>;
  start(options: RaceOptions): Promise<void>;
  /** The call that is under way may end; asked again, it is broken off with the worker that runs it. */
  stop(): void;
  /** On with what is not done, lost devices tried again; `instead` joins the race in place of one that is gone. */
  resume(instead?: BackendName): Promise<void>;
}

export function racing(problem: (error: unknown) => void): Racing {
  const kind: Racing["kind"] = signal("idle");
  const doing = signal("");
  const changed = signal(0);
  let results: RaceResults | undefined;
  let abort = new AbortController();
  let workers: Working<Racer>[] = [];
  /** None has answered yet: there is no call whose end would be worth waiting for. */
  let opening = 0;
  let now = "";
  /** Short calls end more often than a screen is drawn. */
  let told: ReturnType<typeof setTimeout> | undefined;
  const tell = (text: string) => {
    now = text;
    if (told !== undefined) return;
    told = setTimeout(() => {
      told = undefined;
      batch(() => {
        doing.value = now;
        changed.value += 1;
      });
    }, 200);
  };

  const run = async () => {
    if (!results) return;
    abort = new AbortController();
    kind.value = "running";
    let told: WorkerFailure | undefined;
    try {
      await conduct({
        results,
        signal: abort.signal,
        changed: tell,
        racer(name) {
          const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: `race ${name}` });
          const made = working<Racer>(worker);
          workers.push(made);
          const remote = made.remote as unknown as Remote;
          return {
            open: (...args) => {
              opening += 1;
              return remote.open(...args).finally(() => {
                opening -= 1;
              });
            },
            lost: () => remote.lost(),
            enter: (...args) => remote.enter(...args),
            cost: (...args) => remote.cost(...args),
            ready: (...args) => remote.ready(...args),
            sample: (...args) => remote.sample(...args),
            done: (...args) => remote.done(...args),
          };
        },
        failed(error) {
          // Every lane says it; the page says it once, and not where the visitor ended the worker.
          if (told === undefined && !abort.signal.aborted) problem(error);
          told = error;
        },
      });
    } catch (error) {
      problem(error);
    }
    for (const worker of workers) worker.close();
    workers = [];
    kind.value = results.complete ? "done" : "stopped";
    tell("");
  };

  return {
    kind,
    doing,
    changed,
    results: () => results,
    start(options) {
      const environment = { userAgent: navigator.userAgent, cores: navigator.hardwareConcurrency };
      results = newResults(options, environment);
      changed.value += 1;
      return run();
    },
    stop() {
      const again = kind.value === "stopping";
      kind.value = "stopping";
      abort.abort();
      if (again || opening > 0) for (const worker of workers) worker.end("stopped");
    },
    resume(instead) {
      if (results && instead !== undefined && !results.options.backends.includes(instead)) {
        const options = { ...results.options, backends: [...results.options.backends, instead] };
        const { lanes } = newResults({ ...options, backends: [instead] }, results.environment);
        results = { ...results, options, lanes: [...results.lanes.map(ended), ...lanes] };
      }
      return run();
    },
  };
}

/** A lane whose device is gone and that another one stands in for. */
function ended(lane: RaceResults["lanes"][number]): RaceResults["lanes"][number] {
  return lane.status === "lost" ? { ...lane, status: "unavailable", reason: `lost: ${lane.reason ?? ""}` } : lane;
}

/** The backend that can stand in for one that was lost. */
export function standIn({ lanes, options }: RaceResults): BackendName | undefined {
  const gone = lanes.find((lane) => lane.status === "lost")?.backend;
  for (let name = gone && next(gone); name !== undefined; name = next(name)) {
    if (!options.backends.includes(name)) return name;
  }
  return undefined;
}
