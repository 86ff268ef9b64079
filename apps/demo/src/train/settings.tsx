/** The settings of training: the visitor's choices. All but the text are kept in the address. */
import { mechanisms } from "@attnkit/catalog/mechanisms";
import { type Signal, signal } from "@preact/signals";
import type { JSX } from "preact";
import type { UrlState } from "../contract.ts";
import { Ticks } from "../shell/fields.tsx";
import { fault, type ModelConfig, parameterCount } from "./model/config.ts";
import type { Plan } from "./run.ts";
import { defaultText } from "./text.ts";

const names = mechanisms.map(({ name }) => name);

/** One number that can be chosen. */
interface Choice {
  readonly key: "width" | "layers" | "heads" | "context" | "batch" | "steps" | "rate" | "seed";
  readonly label: string;
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
}

const choices: readonly Choice[] = [
  { key: "width", label: "Channels", fallback: 64, min: 4, max: 512 },
  { key: "heads", label: "Heads", fallback: 4, min: 1, max: 16 },
  { key: "layers", label: "Layers", fallback: 2, min: 1, max: 8 },
  { key: "context", label: "Context, bytes", fallback: 64, min: 2, max: 1024 },
  { key: "batch", label: "Windows a step", fallback: 4, min: 1, max: 64 },
  { key: "steps", label: "Steps", fallback: 300, min: 1, max: 100_000 },
  { key: "rate", label: "Learning rate", fallback: 0.003, min: 0.00001, max: 0.1, step: 0.0005 },
  { key: "seed", label: "Seed", fallback: 1, min: 0, max: 2_147_483_647 },
];

export interface Settings {
  readonly ticked: Signal<readonly string[]>;
  readonly numbers: Readonly<Record<Choice["key"], Signal<number>>>;
  readonly text: Signal<string>;
}

export function settings(url: UrlState): Settings {
  // The rate may be any number; everything else is counted.
  const number = ({ key, fallback, min, max, step = 1 }: Choice) =>
    url.number(`train-${key}`, fallback, step === 1 ? { min, max, step } : { min, max });
  return {
    ticked: url.list("train", ["softmax", "linear", "logsumexp"], names),
    numbers: Object.fromEntries(choices.map((c) => [c.key, number(c)])) as Settings["numbers"],
    text: signal(defaultText),
  };
}

/** The run that the settings describe, or what is wrong with them. */
export function planOf({ ticked, numbers, text }: Settings): Plan | { readonly fault: string } {
  const value = (key: Choice["key"]) => numbers[key].value;
  const models = mechanisms
    .filter(({ name }) => ticked.value.includes(name))
    .map(
      ({ name, variants }): ModelConfig => ({
        mechanism: name,
        options: variants[0] ?? {},
        layers: value("layers"),
        heads: value("heads"),
        width: value("width"),
        context: value("context"),
      }),
    );
  if (!models.length) return { fault: "Tick at least one mechanism." };
  const wrong = fault(models[0]!);
  if (wrong !== undefined) return { fault: `${wrong}.` };
  const bytes = new TextEncoder().encode(text.value);
  const least = 2 * (value("context") + 1);
  if (bytes.length < least)
    return { fault: `The text has ${bytes.length} bytes; this context needs at least ${least}.` };
  return {
    models,
    text: bytes,
    seed: Math.round(value("seed")),
    batch: Math.round(value("batch")),
    steps: Math.round(value("steps")),
    rate: value("rate"),
  };
}

/** The choices of a model that was loaded, so that they can be seen and trained on. */
export function adopt({ ticked, numbers }: Settings, { mechanism, layers, heads, width, context }: ModelConfig): void {
  ticked.value = [mechanism];
  for (const [key, value] of Object.entries({ layers, heads, width, context })) {
    numbers[key as Choice["key"]].value = value;
  }
}

export function Mechanisms({ settings, locked }: { settings: Settings; locked: boolean }): JSX.Element {
  return <Ticks legend="Mechanisms" value={settings.ticked} values={names} disabled={locked} />;
}

export function Numbers({ settings, locked }: { settings: Settings; locked: boolean }): JSX.Element {
  const plan = planOf(settings);
  const count = "fault" in plan ? undefined : parameterCount(plan.models[0]!);
  return (
    <fieldset disabled={locked}>
      <legend>Model and training</legend>
      <div class="train-numbers">
        {choices.map(({ key, label, min, max, step = 1 }) => (
          <div key={key} class="field">
            <label for={`train-${key}`}>{label}</label>
            <input
              id={`train-${key}`}
              type="number"
              inputMode="decimal"
              {...{ min, max, step: step === 1 ? 1 : "any" }}
              value={settings.numbers[key].value}
              onChange={(e) => {
                const x = e.currentTarget.valueAsNumber;
                if (!Number.isFinite(x)) e.currentTarget.value = String(settings.numbers[key].value);
                else settings.numbers[key].value = Math.min(max, Math.max(min, step === 1 ? Math.round(x) : x));
              }}
            />
          </div>
        ))}
      </div>
      <p class="soft">
        {count === undefined ? "\u00a0" : `${count.toLocaleString("en")} parameters for each mechanism`}
      </p>
    </fieldset>
  );
}

export function Text({ settings, locked }: { settings: Settings; locked: boolean }): JSX.Element {
  const bytes = new TextEncoder().encode(settings.text.value).length;
  return (
    <details class="train-text">
      <summary>
        Text to learn: {settings.text.value === defaultText ? "a short story of ours" : "yours"},{" "}
        {bytes.toLocaleString("en")} bytes
      </summary>
      <fieldset disabled={locked}>
        <div class="field">
          <label for="train-text">Paste any text; it stays on this device</label>
          <textarea
            id="train-text"
            rows={8}
            spellcheck={false}
            value={settings.text.value}
            onInput={(e) => {
              settings.text.value = e.currentTarget.value;
            }}
          />
        </div>
        <div class="row">
          <label class="field">
            Or read a file
            <input
              type="file"
              onChange={async (e) => {
                const file = e.currentTarget.files?.[0];
                if (file) settings.text.value = await file.text();
              }}
            />
          </label>
          <button
            type="button"
            disabled={settings.text.value === defaultText}
            onClick={() => {
              settings.text.value = defaultText;
            }}
          >
            Back to our story
          </button>
        </div>
      </fieldset>
    </details>
  );
}
