/** The state of the view: what is in the address, and what follows from it. */

import { mechanisms } from "@attnkit/catalog/mechanisms";
import type { Reference } from "@attnkit/core/program";
import { embed } from "@attnkit/measure/embed";
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { UrlState } from "../contract.ts";
import { moved } from "./follow.ts";
import { CHANNELS, HEADS, type Kind, kinds, type Param, type Values } from "./kinds.ts";
import { type Pairs, programWeights, type Weights } from "./weights.ts";

/** A matrix of more tokens than this is too fine to read, and too slow to follow a slider. */
export const MOST_TOKENS = 64;
const OWN_TEXT = "the cat saw the dog that saw the cat";
const SEED = 1;
export const temperatures = { min: 0.25, max: 4, step: 0.05 };

export interface View {
  readonly text: Signal<string>;
  readonly unit: Signal<"characters" | "words">;
  /** From 1, as people count. */
  readonly headNumber: Signal<number>;
  readonly causal: Signal<boolean>;
  /** Keys are the queries, so that tokens alike attend to each other; else they have a projection of their own. */
  readonly tied: Signal<boolean>;
  readonly temperature: Signal<number>;
  readonly shown: Signal<readonly string[]>;
  /** All of the text; {@link tokens} are those that are shown. */
  readonly count: ReadonlySignal<number>;
  readonly tokens: ReadonlySignal<readonly string[]>;
  readonly sequence: ReadonlySignal<Sequence>;
  readonly looks: readonly Look[];
  /** The row that is followed, and the key under the pointer; the same in every picture. */
  readonly row: Signal<number>;
  readonly key: Signal<number>;
}

/** `[H, n, d]` each, row-major, as the mechanisms get them. */
export interface Sequence {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly length: number;
}

/** One mechanism with its sliders. */
export interface Look {
  readonly kind: Kind;
  readonly params: readonly { readonly param: Param; readonly state: Signal<number> | Signal<string> }[];
  readonly values: ReadonlySignal<Values>;
  readonly reference: ReadonlySignal<Reference>;
  readonly weights: ReadonlySignal<Weights>;
  readonly curve: ReadonlySignal<Curve>;
}

/** Weights of keys along a line, over the stretch of it on which the pairs of the text lie. */
export interface Curve {
  readonly xs: readonly number[];
  readonly weights: Float64Array;
}

const POINTS = 97;

export function createView(url: UrlState): View {
  const text = url.text("text", OWN_TEXT);
  const unit = url.choice("tokens", "characters", ["characters", "words"]);
  const headNumber = url.number("head", 1, { min: 1, max: HEADS, step: 1 });
  const causal = url.flag("causal", true);
  const tied = url.flag("tied", true);
  const temperature = url.number("temperature", 1, temperatures);
  const names = kinds.map(({ name }) => name);
  const shown = url.list("show", names, names);

  const all = computed(() => (unit.value === "words" ? (text.value.match(/\S+/g) ?? []) : [...text.value]));
  const tokens = computed(() => all.value.slice(0, MOST_TOKENS));
  const projected = computed(() => {
    const encoder = new TextEncoder();
    const bytes = tokens.value.map((token) => encoder.encode(token));
    return embed(bytes, { seed: SEED, length: bytes.length, heads: HEADS, kvHeads: HEADS, dim: CHANNELS });
  });
  const sequence = computed((): Sequence => {
    const { q, k, v, length } = projected.value;
    return {
      q: Float32Array.from(q, (x) => x / temperature.value),
      k: Float32Array.from(tied.value ? q : k),
      v: Float32Array.from(v),
      length,
    };
  });
  const looks = kinds.map((kind) => createLook(url, kind, { sequence, causal, headNumber }));
  const row = signal(Math.max(0, tokens.peek().length - 1));
  const count = computed(() => all.value.length);
  const key = signal(0);
  let before = all.peek();
  effect(() => {
    const now = all.value;
    if (now === before) return;
    const last = Math.min(now.length, MOST_TOKENS) - 1;
    const follow = (at: Signal<number>, instead: number) => {
      const to = moved(before, now, at.peek()) ?? instead;
      at.value = Math.max(0, Math.min(to, last));
    };
    follow(row, last);
    follow(key, 0);
    before = now;
  });
  return { text, unit, headNumber, causal, tied, temperature, shown, count, tokens, sequence, looks, row, key };
}

type Shared = Pick<View, "sequence" | "causal" | "headNumber">;

function createLook(url: UrlState, kind: Kind, { sequence, causal, headNumber }: Shared): Look {
  const entry = mechanisms.find(({ name }) => name === kind.name)!;
  const params = kind.params.map((param) => {
    const key = `${kind.name}.${param.key}`;
    const state =
      param.kind === "number" ? url.number(key, param.fallback, param) : url.choice(key, param.fallback, param.values);
    return { param, state };
  });
  const values = computed(() => Object.fromEntries(params.map(({ param, state }) => [param.key, state.value])));
  const reference = computed(() => entry.reference(kind.options(values.value)));
  const mechanism = computed(() => entry.create(kind.options(values.value)));
  const channel = computed(() => kind.perChannel && Number(values.value.channel));
  const pairs = computed(() => {
    const of = (x: Float32Array) => rowsOf(x, sequence.value.length, headNumber.value - 1);
    return { q: of(sequence.value.q), k: of(sequence.value.k), causal: causal.value };
  });
  const weights = computed(() => programWeights(mechanism.value, { ...pairs.value, channel: channel.value }));
  // Whole numbers, each a signal of its own: the curve is computed anew only where they change.
  const reach = computed(() => stretch(kind, pairs.value, channel.value ?? 0));
  const [low, high] = [computed(() => reach.value[0]), computed(() => reach.value[1])];
  const curve = computed((): Curve => {
    const { query, key } = kind.curve;
    const [from, to] = [low.value, high.value];
    const xs = Array.from({ length: POINTS }, (_, i) => from + ((to - from) * i) / (POINTS - 1));
    // Keys along the line, seen by the one query: their weights are the curve, but for the common divisor.
    const line = { q: [query(CHANNELS)], k: xs.map((x) => key(x, CHANNELS)), causal: false };
    return { xs, weights: programWeights(mechanism.value, { ...line, channel: kind.perChannel && 0 }).data };
  });
  return { kind, params, values, reference, weights, curve };
}

/** From the least to the largest score of the pairs that a row sees, in whole numbers; no less than the kind asks. */
export function stretch(kind: Kind, { q, k, causal }: Omit<Pairs, "channel">, channel: number): [number, number] {
  let [from, to] = kind.curve.least;
  for (const [i, query] of q.entries()) {
    for (const key of causal ? k.slice(0, i + 1) : k) {
      const x = kind.curve.at(query, key, channel);
      from = Math.min(from, Math.floor(x));
      to = Math.max(to, Math.ceil(x));
    }
  }
  return [from, to];
}

/** `[n][d]` of one head, in float64. */
export function rowsOf(x: Float32Array, length: number, head: number): number[][] {
  const from = head * length * CHANNELS;
  return Array.from({ length }, (_, i) => [...x.subarray(from + i * CHANNELS, from + (i + 1) * CHANNELS)]);
}
