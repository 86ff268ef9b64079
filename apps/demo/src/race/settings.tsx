/** Who races, and how far: the visitor's choices, in the address. */
import { mechanisms } from "@attnkit/catalog/mechanisms";
import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import type { UrlState } from "../contract.ts";
import { type BackendName, backendNames, titles } from "../device/device.ts";
import { Ticks } from "../shell/fields.tsx";
import type { RaceOptions } from "./results.ts";

const names = mechanisms.map(({ name }) => name);
const longest = ["256", "512", "1024", "2048", "4096", "8192", "16384", "32768"] as const;

interface Choice {
  readonly key: "heads" | "dim" | "rounds" | "limit";
  readonly label: string;
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}

const choices: readonly Choice[] = [
  { key: "heads", label: "Heads", fallback: 4, min: 1, max: 32 },
  { key: "dim", label: "Channels a head", fallback: 32, min: 2, max: 128 },
  { key: "rounds", label: "Samples of each", fallback: 5, min: 3, max: 50 },
  { key: "limit", label: "Longest call, seconds", fallback: 2, min: 1, max: 60 },
];

export interface Settings {
  readonly mechanisms: Signal<readonly string[]>;
  readonly backends: Signal<readonly BackendName[]>;
  readonly longest: Signal<(typeof longest)[number]>;
  readonly numbers: Readonly<Record<Choice["key"], Signal<number>>>;
}

export function settings(url: UrlState): Settings {
  const number = ({ key, fallback, min, max }: Choice) => url.number(`race-${key}`, fallback, { min, max, step: 1 });
  return {
    mechanisms: url.list("race", ["softmax", "linear", "logsumexp"], names),
    backends: url.list<BackendName>("race-on", ["tfjs-webgpu", "tfjs-wasm", "cpu"], backendNames),
    longest: url.choice("race-to", "2048", longest),
    numbers: Object.fromEntries(choices.map((c) => [c.key, number(c)])) as Settings["numbers"],
  };
}

export function optionsOf({ mechanisms, backends, longest: to, numbers }: Settings): RaceOptions {
  const sizes: number[] = [];
  for (let size = 64; size <= Number(to.value); size *= 2) sizes.push(size);
  const value = (key: Choice["key"]) => Math.round(numbers[key].value);
  return {
    mechanisms: [...mechanisms.value],
    backends: [...backends.value],
    sizes,
    heads: value("heads"),
    dim: value("dim"),
    rounds: value("rounds"),
    limit: numbers.limit.value,
    seed: 1,
  };
}

export function Controls({ settings, locked }: { settings: Settings; locked: boolean }): JSX.Element {
  return (
    <>
      <Ticks legend="Mechanisms" value={settings.mechanisms} values={names} disabled={locked} />
      <Ticks
        legend="On"
        value={settings.backends}
        values={backendNames}
        show={(name) => titles[name]}
        disabled={locked}
      />
      <fieldset disabled={locked}>
        <legend>How far</legend>
        <div class="race-numbers">
          <div class="field">
            <label for="race-to">Longest context, tokens</label>
            <select
              id="race-to"
              value={settings.longest.value}
              onChange={(e) => {
                settings.longest.value = e.currentTarget.value as (typeof longest)[number];
              }}
            >
              {longest.map((n) => (
                <option key={n} value={n}>
                  {Number(n).toLocaleString("en")}
                </option>
              ))}
            </select>
          </div>
          {choices.map(({ key, label, min, max }) => (
            <div key={key} class="field">
              <label for={`race-${key}`}>{label}</label>
              <input
                id={`race-${key}`}
                type="number"
                min={min}
                max={max}
                value={settings.numbers[key].value}
                onChange={(e) => {
                  const x = Math.round(e.currentTarget.valueAsNumber);
                  if (!Number.isFinite(x)) e.currentTarget.value = String(settings.numbers[key].value);
                  else settings.numbers[key].value = Math.min(max, Math.max(min, x));
                }}
              />
            </div>
          ))}
        </div>
      </fieldset>
    </>
  );
}
