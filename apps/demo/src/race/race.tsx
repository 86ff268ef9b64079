import "./race.css";
import { effect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { TabProps } from "../contract.ts";
import { titles } from "../device/device.ts";
import { download } from "../shell/download.ts";
import { newResults } from "./conduct.ts";
import { Plots, Table } from "./lanes.tsx";
import { racing as newRacing, type Racing, standIn } from "./racing.ts";
import { Controls, settings as newSettings, optionsOf } from "./settings.tsx";
import { described, sameRace } from "./summary.ts";

export function Race({ context }: TabProps): JSX.Element {
  const settings = useMemo(() => newSettings(context.url), []);
  const race = useMemo(() => newRacing(context.problem), []);
  useEffect(() => effect(() => say(race, context.announce)), []);
  void race.changed.value;
  const kind = race.kind.value;
  const running = kind === "running" || kind === "stopping";
  const options = optionsOf(settings);
  const empty = !options.mechanisms.length || !options.backends.length;
  const results = race.results() ?? newResults(options, { userAgent: "", cores: 0 });
  const instead = running ? undefined : standIn(results);

  const save = () => {
    const name = `attnkit-race-${results.started.replace(/[:.]/g, "-")}.json`;
    download(name, "application/json", `${JSON.stringify(results, null, 2)}\n`);
    context.announce(`${name} is downloaded.`);
  };

  return (
    <div class="race">
      <p class="lead">
        Prefill and decode on this device, over growing context, each answer checked before it is timed. The input is
        our story, embedded and projected with random weights.
      </p>
      <section class="card race-settings" aria-label="Settings">
        <Controls settings={settings} locked={running} />
        <div class="row">
          {running ? (
            <button type="button" class="primary" onClick={race.stop}>
              {kind === "stopping" ? "Stop at once" : "Stop"}
            </button>
          ) : (
            <button type="button" class="primary" disabled={empty} onClick={() => void race.start(options)}>
              {race.results() ? "Start anew" : "Start the race"}
            </button>
          )}
          {kind === "stopped" && (
            <button type="button" onClick={() => void race.resume()}>
              Resume
            </button>
          )}
          <button type="button" disabled={!race.results()} onClick={save}>
            Export JSON
          </button>
          <p class="soft race-status" data-testid="race-status">
            {empty && !running ? "Tick at least one mechanism and one backend." : words(race)}
          </p>
        </div>
        {instead && (
          <div class="notice bad">
            <p>A device was lost. What it had shown stays.</p>
            <button type="button" onClick={() => void race.resume(instead)}>
              Continue on {titles[instead]}
            </button>
          </div>
        )}
      </section>
      <section class="card" aria-label="Results">
        {race.results() && (
          <p class="soft" data-testid="race-of">
            {described(results.options)}
            {!running && !sameRace(results.options, options) && (
              <strong class="warn-text"> The settings above are others: these times were taken before.</strong>
            )}
          </p>
        )}
        <Plots results={results} />
        <Table results={results} />
      </section>
    </div>
  );
}

function words({ kind, doing }: Racing): string {
  switch (kind.value) {
    case "idle":
      return "Nothing has been timed yet.";
    case "running":
      return `Now ${doing.value}`;
    case "stopping":
      return "The call that is under way ends first; stopping at once breaks it off.";
    case "stopped":
      return "Stopped: not everything was timed.";
    case "done":
      return "Done.";
  }
}

/** Beginnings and ends only. */
function say(race: Racing, announce: (text: string) => void): void {
  const kind = race.kind.value;
  if (kind === "running") announce("The race has started.");
  if (kind !== "stopped" && kind !== "done") return;
  const lanes = race.results()?.lanes ?? [];
  const right = lanes.filter((l) => l.status === "checked").length;
  announce(
    `The race ${kind === "done" ? "is over" : "has stopped"}: ${right} of ${lanes.length} lanes answered right.`,
  );
}
