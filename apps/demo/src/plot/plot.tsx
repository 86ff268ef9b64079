import "uplot/dist/uPlot.min.css";
import "./plot.css";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

export interface Line {
  readonly label: string;
  /** 1 to 5: the page's series colours; 0: grey. */
  readonly colour: number;
  readonly dash?: readonly number[];
  readonly points?: boolean;
  /** Thin and half transparent: a bound, not a value. */
  readonly faint?: boolean;
}

export interface PlotProps {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
  /** x, then one column per line. */
  readonly data: readonly (readonly (number | null)[])[];
  /** Bases of logarithmic axes. */
  readonly log?: { readonly x: 2; readonly y: 2 | 10 };
  readonly range?: readonly [number, number];
  /** How a value is written beside its axis and under the pointer. */
  readonly format?: (y: number) => string;
  readonly formatX?: (x: number) => string;
  readonly height?: number;
}

const short = (n: number): string =>
  Math.abs(n) >= 1000 || n === 0 ? n.toLocaleString("en") : String(+n.toPrecision(3));

/** A line plot that follows its data. What it shows stands in a table as well: to a screen reader it is one image. */
export function Plot(props: PlotProps): JSX.Element {
  const { title, lines, data, height = 220 } = props;
  const box = useRef<HTMLDivElement>(null);
  const said = useRef<HTMLParagraphElement>(null);
  const plot = useRef<uPlot>(null);
  const now = useRef(props);
  now.current = props;
  const kind = JSON.stringify([lines, props.log, height]);

  useEffect(() => {
    const host = box.current!;
    const made = new uPlot(optionsOf(now, said, host.clientWidth, height), [[]] as uPlot.AlignedData, host);
    plot.current = made;
    const fit = new ResizeObserver(() => made.setSize({ width: host.clientWidth, height }));
    fit.observe(host);
    const repaint = () => made.redraw(false);
    const theme = new MutationObserver(repaint);
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      fit.disconnect();
      theme.disconnect();
      made.destroy();
    };
  }, [kind]);

  useEffect(() => {
    const frame = requestAnimationFrame(() => plot.current?.setData(data as unknown as uPlot.AlignedData));
    return () => cancelAnimationFrame(frame);
  }, [kind, data]);

  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <div
        ref={box}
        role="img"
        aria-label={`${title}: ${lines.map((l) => l.label).join(", ") || "no curve yet"}`}
        style={{ height: `${height}px` }}
      />
      <p ref={said} class="said" aria-hidden="true" />
    </figure>
  );
}

function optionsOf(
  now: { readonly current: PlotProps },
  said: { readonly current: HTMLElement | null },
  width: number,
  height: number,
): uPlot.Options {
  const { lines, log } = now.current;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => () => style.getPropertyValue(name).trim();
  const write = (y: number) => (now.current.format ?? short)(y);
  const writeX = (x: number) => (now.current.formatX ?? short)(x);
  const axis = (label: string, write: (n: number) => string, size: number): uPlot.Axis => ({
    ...(label && { label }),
    labelSize: 18,
    labelFont: "12px system-ui, sans-serif",
    font: "11px system-ui, sans-serif",
    stroke: colour("--ink-soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    // Between powers a logarithmic axis has more ticks than room.
    values: (_, splits) => splits.map((n) => (n === null ? "" : write(n))),
    size,
    gap: 4,
  });
  return {
    width,
    height,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 7 } },
    padding: [8, 20, 0, 0],
    scales: {
      x: { time: false, ...(log && { distr: 3 as const, log: log.x }) },
      y: {
        ...(log && { distr: 3 as const, log: log.y }),
        range: (_, low, high) => {
          if (now.current.range) return [...now.current.range];
          if (!Number.isFinite(low) || !Number.isFinite(high)) return log ? [1, 10] : [0, 1];
          return log ? uPlot.rangeLog(low, high, log.y, false) : uPlot.rangeNum(Math.min(low, 0), high, 0.1, true);
        },
      },
    },
    axes: [axis(now.current.x, writeX, 22), axis(now.current.y, write, 58)],
    series: [
      {},
      ...lines.map(
        (line): uPlot.Series => ({
          label: line.label,
          stroke: colour(line.colour === 0 ? "--line-strong" : `--series-${line.colour}`),
          width: line.faint ? 1 : 2,
          alpha: line.faint && line.colour > 0 ? 0.5 : 1,
          spanGaps: true,
          points: { show: line.points ?? false, size: 6 },
          ...(line.dash && { dash: [...line.dash] }),
        }),
      ),
    ],
    hooks: {
      setCursor: [
        (u) => {
          const at = u.cursor.idx;
          const target = said.current;
          if (!target) return;
          const x = at == null ? undefined : u.data[0][at];
          const values = lines.flatMap((line, i) => {
            const y = at == null ? undefined : u.data[i + 1]?.[at];
            return y == null || line.faint ? [] : [`${line.label} ${write(y)}`];
          });
          target.textContent = x === undefined ? "" : `${writeX(x)}: ${values.join(", ")}`;
        },
      ],
    },
  };
}
