/** How each mechanism is shown: its formula, its controls, and the line along which its curve is drawn. */
import { mechanisms } from "@attnkit/catalog/mechanisms";
import type { Options } from "@attnkit/core";
import type { AboutMechanism, Option, OptionControl } from "@attnkit/core/program";

export type Param =
  | {
      readonly kind: "number";
      readonly key: string;
      readonly label: string;
      readonly fallback: number;
      readonly min: number;
      readonly max: number;
      readonly step: number;
      /** Where the number picks one of these. */
      readonly names?: readonly string[];
    }
  | {
      readonly kind: "choice";
      readonly key: string;
      readonly label: string;
      readonly fallback: string;
      readonly values: readonly string[];
    };

export type Values = Readonly<Record<string, number | string>>;

export interface Kind {
  readonly name: string;
  /** The weight of a key as it is computed with these values, in the notation of the mechanism's README. */
  formula(values: Values): string;
  readonly params: readonly Param[];
  options(values: Values): Options;
  /** Every channel has weights of its own; `values.channel` is the one shown. */
  readonly perChannel?: true;
  readonly curve: Curve;
}

export interface Curve {
  /** The one query, and the key at `x`, of d channels. */
  query(d: number): number[];
  key(x: number, d: number): number[];
  /** Where a pair of the text lies on the axis; `channel` is the one shown. */
  at(q: readonly number[], k: readonly number[], channel: number): number;
  /** The stretch that is always drawn; pairs of the text outside it widen it. */
  readonly least: readonly [from: number, to: number];
  readonly axis: string;
  /** Says whether the weight depends on the axis alone; if not, which line the curve follows. */
  note(values: Values): string;
}

/** Query and key along the diagonal, so that `q.k / sqrt d` is x and every channel adds the same. */
const diagonal = {
  query: (d: number) => Array<number>(d).fill(1),
  key: (x: number, d: number) => Array<number>(d).fill(x / Math.sqrt(d)),
  at: (q: readonly number[], k: readonly number[]) => q.reduce((sum, x, c) => sum + x * k[c]!, 0) / Math.sqrt(q.length),
  ...{ least: [-3, 3] as const, axis: "q·k / √d" },
};
/** One channel: the query is 1, and the key is x. */
const oneChannel = {
  query: (d: number) => Array<number>(d).fill(1),
  key: (x: number, d: number) => Array<number>(d).fill(x),
  at: (_: readonly number[], k: readonly number[], channel: number) => k[channel]!,
  ...{ least: [-2, 4] as const, axis: "k_c, for q_c = 1" },
};

/** Channels of a head, and heads, of the toy embedding. */
export const CHANNELS = 16;
export const HEADS = 4;

/** A control with the way back from its position to the option's value; undefined leaves the option out. */
interface Control {
  readonly param: Param;
  value(position: number | string): unknown;
}

const channel: Param = {
  ...{ kind: "number", key: "channel", label: "Channel c" },
  ...{ fallback: 0, min: 0, max: CHANNELS - 1, step: 1 },
};

/** Every mechanism of the catalog, in its order. */
export const kinds: readonly Kind[] = mechanisms.map(kindOf);

export function kindOf({ name, options: table, picture }: AboutMechanism): Kind {
  const controls = Object.entries(picture.controls).map(([key, control]) => controlOf(name, key, control, table[key]));
  const options = (values: Values): Options => {
    const chosen = Object.fromEntries(
      controls.flatMap(({ param, value }) => {
        const x = value(values[param.key]!);
        return x === undefined ? [] : [[param.key, x] as const];
      }),
    );
    return picture.adjust?.(chosen) ?? chosen;
  };
  return {
    name,
    formula: (values) => picture.formula(options(values)),
    params: [...controls.map(({ param }) => param), ...(picture.perChannel ? [channel] : [])],
    options,
    ...(picture.perChannel && { perChannel: true }),
    curve: { ...(picture.perChannel ? oneChannel : diagonal), note: (values) => picture.note(options(values)) },
  };
}

/** Throws where a control has no option, or the declared range leaves an end of the slider open. */
function controlOf(
  who: string,
  key: string,
  control: OptionControl,
  option: Option<unknown, unknown> | undefined,
): Control {
  if (option === undefined) throw new Error(`${who} has a control for ${key}, which is none of its options`);
  const { label, timesDefault } = control;
  if (option.reads === "words" || option.reads === "boolean") {
    const values = option.reads === "words" ? option.words : ["true", "false"];
    const param: Param = { kind: "choice", key, label, fallback: String(option.default), values };
    return { param, value: (position) => (option.reads === "words" ? position : position === "true") };
  }
  const { from: min = option.range?.from, to: max = option.range?.to, step = option.range?.multipleOf } = control;
  if (option.reads !== "number" || min === undefined || max === undefined || step === undefined)
    throw new Error(`${who}: the control of ${key} needs from, to and step, which its option does not declare`);
  const slider = { kind: "number", key, label } as const;
  if (timesDefault) {
    const param: Param = { ...slider, fallback: 1, min, max, step };
    return { param, value: (x) => (x === 1 ? undefined : Number(x) * timesDefault(CHANNELS)) };
  }
  if (option.words.length === 0) {
    const fallback = Number(option.default ?? option.absent);
    return { param: { ...slider, fallback, min, max, step }, value: Number };
  }
  // The words come after the numbers: positions 0, 1, ... name them all.
  const numbers = Array.from({ length: Math.floor((max - min) / step) + 1 }, (_, i) => min + i * step);
  const values: readonly (number | string)[] = [...numbers, ...option.words];
  const fallback = values.indexOf(option.default as number | string);
  const param: Param = { ...slider, fallback, min: 0, max: values.length - 1, step: 1, names: values.map(String) };
  return { param, value: (position) => values[Number(position)] };
}
