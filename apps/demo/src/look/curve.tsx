import type { JSX } from "preact";
import type { Look } from "./model.ts";

const [WIDTH, HEIGHT] = [320, 110];
/** Marks on the axis at most; between two of them lie 1, 2, 5, 10, 20 and so on. */
const MOST_TICKS = 12;

/** The weight of a key as a function of how like the query it is, relative to the largest in the picture. */
export function CurvePlot({ look }: { readonly look: Look }): JSX.Element {
  const { kind, values } = look;
  const { axis, note } = kind.curve;
  const { xs, weights: data } = look.curve.value;
  const [from, to] = [xs[0]!, xs.at(-1)!];
  const most = data.reduce((max, w) => Math.max(max, Math.abs(w)), 0) || 1;
  const signed = data.some((w) => w < 0);
  const bottom = signed ? -1 : 0;
  const x = (value: number) => ((value - from) / (to - from)) * WIDTH;
  const y = (share: number) => 6 + ((1 - share) / (1 - bottom)) * (HEIGHT - 12);
  const line = xs.map((value, i) => `${x(value).toFixed(1)},${y(data[i]! / most).toFixed(1)}`).join(" ");
  const ticks = ticksOf(from, to);
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

function ticksOf(from: number, to: number): number[] {
  let step = 1;
  for (let n = 0; (to - from) / step > MOST_TICKS; n++) step *= n % 3 === 1 ? 2.5 : 2;
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, i) => (first + i) * step);
}
