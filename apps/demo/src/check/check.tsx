import "./check.css";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useId, useMemo } from "preact/hooks";
import type { TabProps } from "../contract.ts";
import { nameOf, titles } from "../device/device.ts";
import { download } from "../shell/download.ts";
import { Ticks } from "../shell/fields.tsx";
import { Failures } from "./failures.tsx";
import { Matrix } from "./matrix.tsx";
import { createView, type PageReport, type View } from "./model.ts";
import { columns } from "./run.ts";

export function Check({ context }: TabProps): JSX.Element {
  const view = useMemo(() => createView(context), []);
  const { running, cases, outcome, report } = view;
  const made = view.on.value;
  const asked = context.url.query("replay");
  useEffect(() => {
    if (asked !== undefined) void view.replay(asked);
  }, []);
  const on = context.device.value;
  return (
    <>
      <p class="lead">
        The conformance suite: laws that every mechanism must keep on every backend, against a float64 oracle, run here
        on your own device. A report helps us to know that a GPU which we do not have computes right.
      </p>
      <div class="card check-input">
        <fieldset disabled={running.value}>
          <legend>Cases</legend>
          <div class="row">
            {(["quick", "full"] as const).map((set) => (
              <label key={set} class="check">
                <input
                  type="radio"
                  name="set"
                  checked={view.set.value === set}
                  onChange={() => {
                    view.set.value = set;
                  }}
                />
                <span>{set === "quick" ? "Quick: the first of every law" : "Full: every case and option set"}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <Ticks legend="Of" value={view.columns} values={columns} disabled={running.value} />
        <div class="row">
          <button
            type="button"
            class="primary"
            disabled={running.value || view.columns.value.length === 0}
            onClick={() => void view.start()}
          >
            Check on {titles[on.name]}
          </button>
          <button type="button" disabled={!running.value} onClick={view.stop}>
            Stop
          </button>
          <button type="button" disabled={!report.value} onClick={() => save(report.value!)}>
            Download report
          </button>
        </div>
        <Progress view={view} />
        <ReplayBox view={view} />
      </div>
      {cases.value.length === 0 ? (
        <p class="empty">
          {running.value || outcome.value ? outcome.value : "Nothing checked yet. The quick set is a good start."}
        </p>
      ) : (
        <>
          {made && (
            <p class="soft" data-testid="checked-on">
              Checked on {nameOf(made)}.
              {(made.name !== on.name || made.adapter !== on.adapter) && (
                <strong class="warn-text"> These results are not of {nameOf(on)}, which is chosen now.</strong>
              )}
            </p>
          )}
          <Failures cases={cases.value} />
          <Matrix cases={cases.value} />
          <p class="soft">
            A cell says how many cases passed, and the largest share of the error budget that one of them used.
          </p>
        </>
      )}
    </>
  );
}

/** Always there, so that nothing moves when a run starts. */
function Progress({ view }: { readonly view: View }): JSX.Element {
  const { done, total, running, outcome } = view;
  const words = running.value
    ? total.value
      ? `${done.value} of ${total.value} cases`
      : "Starting…"
    : outcome.value || "Ready";
  return (
    <div class="progress">
      <progress aria-label="Cases done" max={Math.max(1, total.value)} value={done.value} />
      <p data-testid="outcome">{words}</p>
    </div>
  );
}

function ReplayBox({ view }: { readonly view: View }): JSX.Element {
  const id = useId();
  const line = useSignal("");
  return (
    <details>
      <summary>Run one case again</summary>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          void view.replay(line.value);
        }}
      >
        <label for={id}>Replay line of a report</label>
        <input
          id={id}
          type="text"
          spellcheck={false}
          autocomplete="off"
          placeholder="attnkit conform --backend cpu --mechanism softmax --law partition --case 0"
          value={line.value}
          onInput={({ currentTarget }) => {
            line.value = currentTarget.value;
          }}
        />
        <button type="submit" disabled={view.running.value || line.value.trim() === ""}>
          Run
        </button>
      </form>
    </details>
  );
}

function save(report: PageReport): void {
  const name = `attnkit-${report.backend.name}-${report.page.date.slice(0, 10)}.json`;
  download(name, "application/json", `${JSON.stringify(report, null, 2)}\n`);
}
