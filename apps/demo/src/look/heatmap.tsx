import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { theme } from "../shell/theme.ts";
import { colourOf } from "./colour.ts";
import type { Weights } from "./weights.ts";

export interface HeatmapProps {
  /** A description of the picture, for screen readers. */
  readonly label: string;
  readonly weights: Weights;
  readonly row: Signal<number>;
  readonly keyAt: Signal<number>;
}

type Pointed = MouseEvent & { readonly currentTarget: HTMLElement };

/** Rows are queries, columns keys. The pointer and the arrow keys move the cell that is read out; a click follows its row. */
export function Heatmap({ label, weights, row, keyAt }: HeatmapProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { rows, keys } = weights;
  useLayoutEffect(() => draw(canvas.current!, weights), [weights, theme.value]);

  const cellAt = ({ currentTarget, clientX, clientY }: Pointed) => {
    const box = currentTarget.getBoundingClientRect();
    const at = (offset: number, size: number, n: number) => clamp(Math.floor((offset / size) * n), n);
    return { i: at(clientY - box.top, box.height, rows), j: at(clientX - box.left, box.width, keys) };
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    row.value = clamp(row.value + step[0]!, rows);
    keyAt.value = clamp(keyAt.value + step[1]!, keys);
  };
  const percent = (n: number, of: number) => `${(100 * n) / of}%`;
  return (
    <button
      type="button"
      class="heatmap"
      aria-label={`${label} Arrow keys move the cell that is read out below.`}
      onMouseMove={(event) => {
        keyAt.value = cellAt(event).j;
      }}
      onClick={(event) => {
        // The keyboard clicks in the middle; it has moved the cell already.
        if (event.detail === 0) return;
        const { i, j } = cellAt(event);
        row.value = i;
        keyAt.value = j;
      }}
      onKeyDown={onKeyDown}
    >
      <canvas ref={canvas} width={keys} height={rows} />
      <span class="follow" style={{ top: percent(row.value, rows), height: percent(1, rows) }} />
      <span
        class="cell"
        style={{
          top: percent(row.value, rows),
          left: percent(keyAt.value, keys),
          width: percent(1, keys),
          height: percent(1, rows),
        }}
      />
    </button>
  );
}

/** One pixel per cell; the browser enlarges it without blur. Keys that a row may not see stay transparent. */
function draw(canvas: HTMLCanvasElement, { rows, keys, data }: Weights): void {
  const image = new ImageData(keys, rows);
  const most = data.reduce((max, w) => (Number.isNaN(w) ? max : Math.max(max, Math.abs(w))), 0) || 1;
  for (const [n, w] of data.entries()) {
    if (!Number.isNaN(w)) image.data.set([...colourOf(w / most, theme.value), 255], 4 * n);
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}

const clamp = (n: number, length: number): number => Math.max(0, Math.min(length - 1, n));
