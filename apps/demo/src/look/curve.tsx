import type { JSX } from "preact";
import { CHANNELS } from "./kinds.ts";
import type { Look } from "./model.ts";
import { weightsOf } from "./weights.ts";

const [WIDTH, HEIGHT, POINTS] = [320, 110, 97];

/** The weight of a key as a function of how like the query it is, relative to the largest in the picture. */
export function CurvePlot({ look }: { readonly look: Look }): JSX.Element {
  const { kind, values, reference } = look;
  const { query, key, from, to, axis, note } = kind.curve;
  const xs = Array.from({ length: POINTS }, (_, i) => from + ((to - from) * i) / (POINTS - 1));
  // Keys along the line, seen by the one query: their weights are the curve, but for the common divisor.
  const pairs = { q: [query(CHANNELS)], k: xs.map((x) => key(x, CHANNELS)), causal: false };
  const channel = kind.perChannel && 0;
  const { data } = weightsOf(reference.value, { ...pairs, channel });
  const most = data.reduce((max, w) => Math.max(max, Math.abs(w)), 0) || 1;
  const signed = data.some((w) => w < 0);
  const bottom = signed ? -1 : 0;
  const x = (value: number) => ((value - from) / (to - from)) * WIDTH;
  const y = (share: number) => 6 + ((1 - share) / (1 - bottom)) * (HEIGHT - 12);
  const line = xs.map((value, i) => `${x(value).toFixed(1)},${y(data[i]! / most).toFixed(1)}`).join(" ");
  const ticks = Array.from({ length: Math.floor(to) - Math.ceil(from) + 1 }, (_, i) => Math.ceil(from) + i);
  const peak = xs[data.indexOf(data.reduce((max, w) => Math.max(max, w), Number.NEGATIVE_INFINITY))]!;
  const words = `Weight over ${axis}, from ${from} to ${to}: largest at ${peak.toFixed(1)}${signed ? ", partly negative" : ""}.`;
  return (
    <figure class="curve">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={words}>
        <line class="axis" x1="0" x2={WIDTH} y1={y(0)} y2={y(0)} />
        {ticks.map((tick) => (
          <line key={tick} class="tick" x1={x(tick)} x2={x(tick)} y1={y(0) - 3} y2={y(0) + 3} />
        ))}
        <polyline class="line" points={line} />
      </svg>
      <div class="ticks" aria-hidden="true">
        <span>{from}</span>
        <span>{axis}</span>
        <span>{to}</span>
      </div>
      <figcaption class="soft">{note(values.value)}</figcaption>
    </figure>
  );
}
