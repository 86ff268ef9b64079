import { type Signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import type { Context } from "../contract.ts";
import { nameOf } from "../device/device.ts";
import { openChosen } from "../device/open.ts";
import { Choice, Range } from "../shell/fields.tsx";
import { theme } from "../shell/theme.ts";
import { gradientOf } from "./colour.ts";
import { CurvePlot } from "./curve.tsx";
import { Heatmap } from "./heatmap.tsx";
import type { Look, View } from "./model.ts";
import { named } from "./strip.tsx";
import { type Verdict, verify } from "./verify.ts";
import { entropy, frobenius, rowOf, type Weights } from "./weights.ts";

interface CardProps {
  readonly look: Look;
  readonly view: View;
  readonly context: Context;
}

/** One mechanism: its sliders, its matrix, what the matrix amounts to, and its curve. */
export function Card({ look, view, context }: CardProps): JSX.Element {
  const { kind, params } = look;
  const weights = look.weights.value;
  const { tokens, row, key } = view;
  const range = useComputed(() => {
    const seen = look.weights.value.data.filter((w) => !Number.isNaN(w));
    return { low: Math.min(0, ...seen), high: Math.max(0, ...seen) };
  });
  const entropies = useComputed(() =>
    Array.from({ length: look.weights.value.rows }, (_, i) => entropy(rowOf(look.weights.value, i))),
  );
  const mean = entropies.value.reduce((sum, e) => sum + e, 0) / Math.max(1, weights.rows);
  const [i, j] = [Math.min(row.value, weights.rows - 1), Math.min(key.value, weights.keys - 1)];
  const w = weights.data[i * weights.keys + j]!;
  const { low, high } = range.value;
  const most = Math.max(-low, high);
  return (
    <article class="card look" aria-label={kind.name}>
      <header>
        <h3>{kind.name}</h3>
        <p class="formula">{kind.formula(look.values.value)}</p>
      </header>
      <div class="params">
        {params.map(({ param, state }) =>
          param.kind === "number" ? (
            <Range
              key={param.key}
              label={param.label}
              value={state as Signal<number>}
              {...{ min: param.min, max: param.max, step: param.step }}
              show={(value) => param.names?.[value] ?? String(value)}
            />
          ) : (
            <Choice key={param.key} label={param.label} value={state as Signal<string>} values={param.values} />
          ),
        )}
      </div>
      <Heatmap
        label={`Attention weights of ${kind.name}, ${weights.rows} tokens, from ${short(low)} to ${short(high)}.`}
        weights={weights}
        row={row}
        keyAt={key}
      />
      <Profile weights={[...weights.data.subarray(i * weights.keys, (i + 1) * weights.keys)]} keyAt={j} />
      <div class="legend" aria-hidden="true">
        <span>{short(low < 0 ? -most : 0)}</span>
        <span class="ramp" style={{ background: gradientOf(low < 0, theme.value) }} />
        <span>{short(most)}</span>
      </div>
      <p class="readout" data-testid="readout">
        {named(tokens.value[i]!)} <sub>{i + 1}</sub> to {named(tokens.value[j]!)} <sub>{j + 1}</sub>:{" "}
        <strong>{Number.isNaN(w) ? "not seen (causal)" : short(w)}</strong>
      </p>
      <dl class="facts">
        <div>
          <dt>Frobenius norm</dt>
          <dd data-testid="norm">{frobenius(weights).toFixed(3)}</dd>
        </div>
        <div>
          <dt>Row entropy, mean</dt>
          <dd data-testid="entropy">{mean.toFixed(3)}</dd>
        </div>
        <div>
          <dt>Of this row</dt>
          <dd>{(entropies.value[i] ?? 0).toFixed(3)}</dd>
        </div>
      </dl>
      <Verified look={look} view={view} context={context} />
      <CurvePlot look={look} />
    </article>
  );
}

/** The followed row as bars under the columns they belong to, the largest of the row at full height. */
function Profile({ weights, keyAt }: { weights: readonly number[]; keyAt: number }): JSX.Element {
  const most = weights.reduce((max, w) => (Number.isNaN(w) ? max : Math.max(max, Math.abs(w))), 0);
  const signed = weights.some((w) => w < 0);
  const zero = signed ? 20 : 40;
  return (
    <svg class="profile" viewBox={`0 0 ${weights.length} 40`} preserveAspectRatio="none" aria-hidden="true">
      {weights.map((w, j) => {
        const height = Number.isNaN(w) ? 0 : (Math.abs(w) / (most || 1)) * zero;
        const y = w < 0 ? zero : zero - height;
        return <rect key={j} class={j === keyAt ? "at" : ""} x={j + 0.1} y={y} width={0.8} height={height} />;
      })}
    </svg>
  );
}

/** The result of a comparison and the weights that were compared: it says nothing about other weights. */
type Compared = { readonly of: Weights } & (
  | { readonly verdict: Verdict; readonly on: string }
  | { readonly error: string }
);

/** Compares the picture with the output of the chosen device, a moment after the last change. */
function Verified({ look, view, context }: CardProps): JSX.Element {
  const state = useSignal<Compared | undefined>(undefined);
  useSignalEffect(() => {
    const head = view.headNumber.value - 1;
    const shown = { sequence: view.sequence.value, causal: view.causal.value, head };
    const of = look.weights.value;
    const { status } = context.device.value;
    // A verdict outlives its device, as long as the weights are shown that it is about.
    if (status !== "ready") return;
    state.value = undefined;
    let current = true;
    const timer = setTimeout(async () => {
      try {
        const open = await openChosen(context.device);
        const verdict = await verify(look, open, shown);
        if (current) state.value = { of, verdict, on: nameOf(open) };
      } catch (error) {
        if (current) state.value = { of, error: error instanceof Error ? error.message : String(error) };
      }
    }, 300);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  });
  const now = state.value;
  if (now?.of !== look.weights.value) {
    const { status } = context.device.value;
    if (status !== "lost") return <p class="verified soft">Comparing with the device's output…</p>;
    return <p class="verified bad-text">Not compared: the device was lost before these weights were shown.</p>;
  }
  if ("error" in now) return <p class="verified bad-text">Not compared: {now.error}</p>;
  const { agrees, difference, used } = now.verdict;
  return (
    <p class={`verified ${agrees ? "good" : "bad-text"}`} data-testid="verified">
      <Sign good={agrees} /> {agrees ? "Weights · v is its output" : "Weights · v is not its output"} on {now.on}{" "}
      <span class="soft">
        (largest difference {difference.toExponential(1)}, {(100 * used).toFixed(0)} % of the allowed error)
      </span>
    </p>
  );
}

/** Drawn, because not every font has the characters. */
const Sign = ({ good }: { readonly good: boolean }): JSX.Element => (
  <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" class="sign">
    <path d={good ? "M3 8.5l3.5 3.5L13 4.5" : "M4 4l8 8M12 4l-8 8"} />
  </svg>
);

/** Three digits, whatever the size. */
const short = (x: number): string => (x === 0 ? "0" : Math.abs(x) < 0.001 ? x.toExponential(1) : x.toPrecision(3));
