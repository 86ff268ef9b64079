/** The state of the Check tab, and the actions of its buttons. */
import type { CaseResult, Report } from "@attnkit/core/conformance";
import { batch, type Signal, signal } from "@preact/signals";
import type { BackendName, Context, OpenBackend } from "../contract.ts";
import { backendNames, titles } from "../device/device.ts";
import { openBackend, openChosen } from "../device/open.ts";
import { breathe } from "../shell/breathe.ts";
import { parseReplay } from "./replay.ts";
import { type Choice, columns, type Progress, run, runOne, type Watch } from "./run.ts";

export interface View {
  readonly set: Signal<"quick" | "full">;
  readonly columns: Signal<readonly string[]>;
  readonly running: Signal<boolean>;
  readonly done: Signal<number>;
  readonly total: Signal<number>;
  /** In the order in which they ran; those that are shown outlive a lost device. */
  readonly cases: Signal<readonly CaseResult[]>;
  /** How the last run ended, in words. */
  readonly outcome: Signal<string>;
  readonly report: Signal<PageReport | undefined>;
  /** The device of the shown cases; undefined before it has opened. */
  readonly on: Signal<Pick<OpenBackend, "name" | "adapter"> | undefined>;
  start(): Promise<void>;
  /** One case, from a line of a report. */
  replay(line: string): Promise<void>;
  stop(): void;
}

/** The suite's report, and what only the page knows. `attnkit-conformance/1` with one field more. */
export interface PageReport extends Report {
  readonly page: {
    readonly date: string;
    readonly userAgent: string;
    readonly adapter: string;
    readonly hardware: boolean;
    readonly features: readonly string[];
    readonly limits: Readonly<Record<string, number>>;
    /** The request: a set and its columns, or a replay line. */
    readonly asked: Choice | string;
    readonly planned: number;
    readonly outcome: string;
  };
}

export function createView(context: Context): View {
  const set = context.url.choice<"quick" | "full">("set", "quick", ["quick", "full"]);
  const wanted = context.url.list("check", columns, columns);
  const [running, done, total] = [signal(false), signal(0), signal(0)];
  const cases = signal<readonly CaseResult[]>([]);
  const on = signal<Pick<OpenBackend, "name" | "adapter"> | undefined>(undefined);
  const [outcome, report] = [signal(""), signal<PageReport | undefined>(undefined)];
  let abort = new AbortController();

  const perform = async (
    asked: Choice | string,
    opening: () => Promise<OpenBackend>,
    act: (open: OpenBackend, watch: Watch) => Promise<Report | undefined>,
  ) => {
    abort = new AbortController();
    const { signal: stopped } = abort;
    batch(() => {
      running.value = true;
      [done.value, total.value] = [0, 0];
      [cases.value, outcome.value, report.value] = [[], "", undefined];
      on.value = undefined;
    });
    context.announce("Checking");
    try {
      const open = await opening();
      on.value = { name: open.name, adapter: open.adapter };
      let gone: string | undefined;
      open.lost.then((reason) => {
        gone = reason;
        abort.abort();
      });
      const seen: CaseResult[] = [];
      const show = () => {
        cases.value = [...seen];
      };
      const result = await act(open, {
        signal: stopped,
        async onProgress(progress: Progress) {
          const { status } = progress.result;
          // A device that is lost makes cases fail, and says so a moment later: that is no fault of theirs.
          if (status !== "pass" && !(await computes(open))) await Promise.race([open.lost, seconds(5)]);
          if (!stopped.aborted) {
            seen.push(progress.result);
            [done.value, total.value] = [progress.done, progress.total];
          }
          if (await breathe()) show();
        },
      });
      if (result === undefined) {
        outcome.value = "There is no such case.";
        context.announce(outcome.value);
        return;
      }
      const words = gone === undefined ? wordsFor(result) : `The device was lost (${gone}); what was found stays.`;
      batch(() => {
        show();
        outcome.value = words;
        report.value = { ...result, page: { ...facts(open), asked, planned: total.value, outcome: words } };
      });
      context.announce(words);
    } catch (error) {
      outcome.value = `Nothing could be checked: ${error instanceof Error ? error.message : error}`;
      context.problem(error);
    } finally {
      running.value = false;
    }
  };

  return {
    ...{ set, columns: wanted, running, done, total, cases, outcome, report, on },
    start: () => {
      const choice = { set: set.value, columns: wanted.value };
      return perform(
        choice,
        () => openChosen(context.device),
        (open, watch) => run(open, choice, watch),
      );
    },
    async replay(line) {
      try {
        const replay = parseReplay(line);
        const name = backendNames.find((known) => known === replay.backend);
        if (!name) throw new Error(`this page has no backend ${replay.backend}; it has ${backendNames.join(", ")}`);
        await perform(
          line,
          () => openNamed(name),
          (open, watch) => runOne(open, replay, watch),
        );
      } catch (error) {
        context.problem(error);
      }
    },
    stop: () => abort.abort(),
  };
}

/** A case that failed on one backend says nothing on another: no falling back here. */
async function openNamed(name: BackendName): Promise<OpenBackend> {
  try {
    return await openBackend(name);
  } catch (error) {
    throw new Error(`${titles[name]} cannot be had here: ${error instanceof Error ? error.message : error}`);
  }
}

/** Returns whether the device still responds. */
async function computes({ backend }: OpenBackend): Promise<boolean> {
  const x = backend.upload(Float32Array.of(1), [1]);
  try {
    const y = backend.ops!.add(x, x);
    await backend.download(y);
    backend.free(y);
    return true;
  } catch {
    return false;
  } finally {
    backend.free(x);
  }
}

const seconds = (n: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000 * n));

function wordsFor({ cases, complete, conforms }: Report): string {
  const failed = cases.filter(({ status }) => status === "fail" || status === "unexpected-pass").length;
  if (!complete) return `Stopped after ${cases.length} cases, ${failed} of them failed.`;
  return conforms ? `All ${cases.length} cases as they should be.` : `${failed} of ${cases.length} cases failed.`;
}

const facts = ({ adapter, hardware, features, limits }: OpenBackend) => ({
  date: new Date().toISOString(),
  userAgent: navigator.userAgent,
  ...{ adapter, hardware, features, limits },
});
