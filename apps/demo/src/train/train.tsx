import "./train.css";
import { effect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { TabProps } from "../contract.ts";
import { type BackendName, titles } from "../device/device.ts";
import { recent } from "./curves.ts";
import type { SavedModel } from "./files/weights.ts";
import { Files } from "./files.tsx";
import { Plots, Table } from "./progress.tsx";
import { session as newSession, type Session, type Status } from "./session.ts";
import { adopt, Mechanisms, Numbers, settings as newSettings, planOf, Text } from "./settings.tsx";
import { Speak } from "./speak.tsx";

export function Train({ context }: TabProps): JSX.Element {
  const settings = useMemo(() => newSettings(context.url), []);
  const session = useMemo(
    () =>
      newSession(context.problem, (what, step) =>
        context.announce(`The ${what} was lost. The curves stay; weights of step ${step} are kept.`),
      ),
    [],
  );
  const { kind } = session.status.value;
  const locked = kind === "opening" || kind === "running" || kind === "paused" || kind === "lost";
  const wanted = planOf(settings);
  const device = () => context.device.peek().name;
  useEffect(() => effect(() => say(session, context.announce)), []);
  useEffect(() => {
    // Browsers ask with words of their own, and only where the visitor has touched the page.
    const ask = (event: BeforeUnloadEvent) => {
      if (session.unsaved()) event.preventDefault();
    };
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, []);

  const load = (model: SavedModel) => {
    adopt(settings, model.config);
    const plan = planOf(settings);
    if ("fault" in plan) return context.problem(plan.fault);
    const steps = Math.max(plan.steps, model.step + 1);
    settings.numbers.steps.value = steps;
    const { mechanism } = model.config;
    void session.load({ ...plan, models: [model.config], steps }, device(), {
      [mechanism]: { step: model.step, weights: model.weights },
    });
  };

  return (
    <div class="train">
      <p class="lead">
        A small byte-level transformer, trained here from nothing: one model for each mechanism, with the same first
        weights, the same text in the same order.
      </p>
      <section class="card train-settings" aria-label="Settings">
        <Mechanisms settings={settings} locked={locked} />
        <Text settings={settings} locked={locked} />
        <Numbers settings={settings} locked={locked} />
        <div class="row">
          {!locked && (
            <button
              type="button"
              class="primary"
              disabled={"fault" in wanted}
              onClick={() => !("fault" in wanted) && void session.start(wanted, device())}
            >
              {kind === "done" ? "Train anew" : "Start training"}
            </button>
          )}
          {kind === "opening" && (
            <button type="button" class="primary" disabled>
              Starting…
            </button>
          )}
          {kind === "running" && (
            <button type="button" class="primary" onClick={session.pause}>
              Pause
            </button>
          )}
          {kind === "paused" && (
            <button type="button" class="primary" onClick={() => void session.resume()}>
              Resume
            </button>
          )}
          {(kind === "opening" || kind === "running" || kind === "paused" || kind === "lost") && (
            <button type="button" onClick={session.stop}>
              Stop
            </button>
          )}
          <p class="soft train-status" data-testid="train-status">
            {"fault" in wanted && !locked ? <span class="bad-text">{wanted.fault}</span> : words(session)}
            <Elsewhere session={session} chosen={context.device.value.name} />
          </p>
        </div>
        {session.status.value.kind === "lost" && <Lost session={session} status={session.status.value} />}
      </section>
      <section class="card" aria-label="Curves">
        <Plots session={session} />
        <Table session={session} />
      </section>
      <Speak session={session} context={context} />
      <Files session={session} context={context} load={load} />
    </div>
  );
}

/** Marks results of one device while another one is chosen. */
function Elsewhere({ session, chosen }: { session: Session; chosen: BackendName }): JSX.Element | null {
  const made = session.opened.value?.name;
  if (made === undefined || made === chosen || session.curves.size === 0) return null;
  return <span class="warn-text"> These results are not of {titles[chosen]}, which the next start uses.</span>;
}

function Lost({ session, status }: { session: Session; status: Extract<Status, { kind: "lost" }> }): JSX.Element {
  const here = session.opened.value?.name;
  const options = [...new Set([here, status.next])].filter((name) => name !== undefined);
  return (
    <div class="notice bad">
      <p>
        {status.what === "start" ? "It could not go on" : `The ${status.what} was lost`}:{" "}
        {status.reason || "the browser gives no reason"}. The curves stay, and the last weights are kept.
      </p>
      {options.reverse().map((name) => (
        <button key={name} type="button" onClick={() => void session.proceed(name)}>
          {name === here ? `Try ${titles[name]} again` : `Continue on ${titles[name]}`}
        </button>
      ))}
    </div>
  );
}

/** Where the run stands, in words. */
function words({ status, opened, curves, plan, changed }: Session): string {
  void changed.value;
  const on = opened.value ? ` on ${titles[opened.value.name]} (${opened.value.adapter})` : "";
  const steps = Math.min(...[...curves.values()].map((c) => c.loss.length));
  const done = Number.isFinite(steps) ? `step ${steps} of ${plan.value?.steps}` : "";
  const now = status.value;
  switch (now.kind) {
    case "idle":
      return now.reason === undefined ? "Nothing is trained yet." : `Not started: ${now.reason}.`;
    case "opening":
      return "Loading what computes…";
    case "running":
      return `Training${on}: ${done}`;
    case "paused":
      return `Paused${on}: ${done}`;
    case "done":
      return `Done${on}: ${done}`;
    case "lost":
      return `Held: ${done}`;
  }
}

/** Beginnings and ends only: a voice that reads every step would not be listened to. */
function say({ status, curves, plan }: Session, announce: (text: string) => void): void {
  const { kind } = status.value;
  const models = plan.peek()?.models.map((m) => m.mechanism) ?? [];
  if (kind === "running") announce(`Training ${models.join(", ")}.`);
  if (kind === "paused") announce("Training is paused.");
  if (kind === "done") {
    const ends = [...curves].map(([name, c]) => `${name} ${recent(c.loss)?.toFixed(2) ?? "no step"}`);
    announce(`Training has ended. Loss: ${ends.join(", ")}.`);
  }
}
