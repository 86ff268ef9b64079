/** The results of the race so far: plots of the checked lanes, and every lane as a row. */
import { bytes, percent, spread, time } from "@attnkit/measure/format";
import type { JSX } from "preact";
import { onAdapter, titles } from "../device/device.ts";
import { type Line, Plot } from "../plot/plot.tsx";
import { colourOf } from "../plot/series.ts";
import type { LaneResult, PointResult, RaceResults, What } from "./results.ts";
import { contextOf, lastOf, stopsOf } from "./summary.ts";

const dashes = { webgpu: [12, 3], "tfjs-webgpu": [], "tfjs-wasm": [8, 5], cpu: [2, 4] } as const;

const nameOf = (lane: LaneResult): string => `${lane.mechanism}, ${titles[lane.backend]}`;
/** Tokens that one call computes. */
const tokens = (p: PointResult): number => (p.what === "prefill" ? Math.max(1, p.size) : 1);

export function Plots({ results }: { results: RaceResults }): JSX.Element {
  const lanes = results.lanes.filter((l) => l.points.length > 0);
  const { sizes } = results.options;
  const line = (lane: LaneResult): Line => ({
    label: nameOf(lane),
    colour: colourOf(lane.mechanism),
    dash: dashes[lane.backend],
    points: true,
  });
  const bound = (lane: LaneResult): Line => ({ ...line(lane), points: false, faint: true });
  const column = (lane: LaneResult, what: What, value: (p: PointResult) => number) =>
    sizes.map((size) => {
      const point = lane.points.find((p) => p.what === what && p.size === size);
      return point ? value(point) : null;
    });
  const timing = (what: What, title: string) => (
    <Plot
      title={title}
      x="context, tokens"
      y="time per token"
      height={280}
      log={{ x: 2, y: 10 }}
      format={time}
      lines={lanes.flatMap((l) => [line(l), bound(l), bound(l)])}
      data={[
        sizes,
        ...lanes.flatMap((l) => [
          column(l, what, (p) => p.median / tokens(p)),
          column(l, what, (p) => p.q1 / tokens(p)),
          column(l, what, (p) => p.q3 / tokens(p)),
        ]),
      ]}
    />
  );
  return (
    <div class="race-plots">
      {timing("prefill", "Prefill, time per token")}
      {timing("decode", "Decode, time per token")}
      <Plot
        title="State"
        x="context, tokens"
        y="bytes"
        height={280}
        log={{ x: 2, y: 2 }}
        format={bytes}
        lines={lanes.map(line)}
        data={[sizes, ...lanes.map((l) => column(l, "decode", (p) => p.stateBytes))]}
      />
    </div>
  );
}

export function Table({ results }: { results: RaceResults }): JSX.Element {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keyboard (WCAG 2.1.1)
    <section class="scroll-x" tabIndex={0} aria-label="Every lane">
      <table class="numbers">
        <thead>
          <tr>
            {["lane", "answer", "context", "prefill per token", "decode per token", "state"].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {results.lanes.map((lane) => (
            <Row key={lane.id} lane={lane} />
          ))}
        </tbody>
      </table>
      <p class="soft">
        Of the longest context that was timed, which the third column names: median, and in brackets the distance of the
        quartiles. An answer is checked against a float64 reference before anything is timed, and again at every size;
        in brackets the share of the error budget that it used.
      </p>
    </section>
  );
}

function Row({ lane }: { lane: LaneResult }): JSX.Element {
  const [prefill, decode] = [lastOf(lane, "prefill"), lastOf(lane, "decode")];
  const per = (p: PointResult | undefined) => (p ? `${time(p.median / tokens(p))} (${spread(p)})` : "–");
  return (
    <tr>
      <th scope="row">
        <span class={`swatch on-${lane.backend}`} style={{ color: `var(--series-${colourOf(lane.mechanism)})` }} />
        {nameOf(lane)}
        <span class="race-device">
          {lane.adapter ?? "not open yet"}
          {onAdapter(lane.backend) && lane.adapter !== null && !lane.hardware && (
            <strong> software: no GPU speed</strong>
          )}
        </span>
      </th>
      <td class="race-answer">
        <Answer lane={lane} />
      </td>
      <td class="race-context">{contextOf(lane)}</td>
      <td>{per(prefill)}</td>
      <td>{per(decode)}</td>
      <td>{decode ? bytes(decode.stateBytes) : "–"}</td>
    </tr>
  );
}

function Answer({ lane }: { lane: LaneResult }): JSX.Element {
  const { status, reason, checks } = lane;
  const used = checks.map((c) => c.used).filter((x) => x !== null);
  switch (status) {
    case "waiting":
      return reason === undefined ? <>not checked yet</> : <span class="bad-text">not done: {reason}</span>;
    case "checked":
      return (
        <>
          <span class="good">
            ✓ right, {checks.length} {checks.length === 1 ? "check" : "checks"} ({percent(Math.max(0, ...used))})
          </span>
          {stopsOf(lane).map((words) => (
            <span key={words} class="race-device">
              {words}
            </span>
          ))}
        </>
      );
    case "failed":
      return <span class="bad-text">✗ {reason}</span>;
    case "unavailable":
      return <>not here: {reason}</>;
    case "lost":
      return <span class="bad-text">device lost: {reason}</span>;
  }
}
