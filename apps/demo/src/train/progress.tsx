/** The progress of a run: plots, and the same numbers as a table. */
import { digits } from "@attnkit/measure/format";
import type { JSX } from "preact";
import { Plot } from "../plot/plot.tsx";
import { colourOf } from "../plot/series.ts";
import { type Curve, latest, type Quantity, recent, thinned } from "./curves.ts";
import { unigramEntropy } from "./model/data.ts";
import type { Session } from "./session.ts";

const titles: Readonly<Record<Exclude<Quantity, "loss" | "heldOut">, string>> = {
  tokensPerSecond: "Speed, tokens per second",
  gradientNorm: "Gradient norm, before clipping to 1",
  attentionNorm: "Attention norm",
};

export function Plots({ session }: { session: Session }): JSX.Element {
  void session.changed.value;
  const names = [...session.curves.keys()];
  const curves = names.map((name) => session.curves.get(name)!);
  const lines = names.map((label) => ({ label, colour: colourOf(label) }));
  const text = session.plan.value?.text;
  const losses = thinned([...curves.map((c) => c.loss), ...curves.map((c) => c.heldOut)]);
  const [steps] = losses as [(number | null)[]];
  const entropy = text ? unigramEntropy(text) : null;
  return (
    <div class="train-plots">
      <Plot
        title={`Loss, nats per byte${entropy === null ? "" : `; grey: ${digits(entropy)}, if single bytes were all that is known`}`}
        x="step"
        y="cross-entropy"
        height={300}
        lines={[
          ...lines,
          ...lines.map((l) => ({ ...l, label: `${l.label}, held out`, dash: [6, 5] })),
          { label: "entropy of single bytes", colour: 0, faint: true },
        ]}
        data={[...losses, steps.map(() => entropy)]}
      />
      <div class="train-small">
        {Object.entries(titles).map(([quantity, title]) => (
          <Plot
            key={quantity}
            title={title}
            x="step"
            y=""
            height={170}
            lines={lines}
            data={thinned(curves.map((c: Curve) => c[quantity as Quantity]))}
          />
        ))}
      </div>
    </div>
  );
}

/** Which device made the curves, step by step where it was more than one. */
function made({ stretches }: Session): string {
  const all = stretches.value;
  const [first] = all;
  if (!first) return "";
  if (all.length === 1) return `Computed on ${first.on}.`;
  return `Computed ${all.map(({ step, on }) => `from step ${step} on ${on}`).join(", ")}.`;
}

const cell = (x: number | null): string => (x === null ? "–" : digits(x));

export function Table({ session }: { session: Session }): JSX.Element {
  void session.changed.value;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keyboard (WCAG 2.1.1)
    <section class="scroll-x" tabIndex={0} aria-label="Progress of every mechanism">
      <table class="numbers">
        <thead>
          <tr>
            {["mechanism", "step", "loss", "held out", "tokens/s", "gradient norm", "attention norm"].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...session.curves].map(([name, c]) => (
            <tr key={name}>
              <th scope="row">
                <span class="swatch" style={{ background: `var(--series-${colourOf(name)})` }} />
                {name}
              </th>
              <td>{c.loss.length}</td>
              <td>{cell(recent(c.loss))}</td>
              <td>{cell(latest(c.heldOut))}</td>
              <td>{cell(recent(c.tokensPerSecond))}</td>
              <td>{cell(recent(c.gradientNorm))}</td>
              <td>{cell(recent(c.attentionNorm))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="soft" data-testid="train-on">
        {made(session)}
      </p>
      <p class="soft">
        Means of the last 20 steps; held-out loss is of the last tenth of the text, which no step sees, every 25 steps
        (dashed). Attention norm: Frobenius norm of the attention outputs y of one token over all heads and layers, root
        mean square over the batch.
      </p>
    </section>
  );
}
