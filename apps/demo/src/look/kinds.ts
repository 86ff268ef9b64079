/** How each mechanism is shown: its formula, its sliders, and the line along which its curve is drawn. */
import type { Options } from "@attnkit/core";

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
  /** The weight of a key as it is computed with these values, in the signs of the mechanism's README. */
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
  /** Returns a note: whether the weight depends on the axis only; if not, which curve is drawn. */
  note(values: Values): string;
}

/** Query and key along the diagonal, so that `q.k / sqrt d` is x and every channel adds the same. */
const diagonal = {
  query: (d: number) => Array<number>(d).fill(1),
  key: (x: number, d: number) => Array<number>(d).fill(x / Math.sqrt(d)),
  at: (q: readonly number[], k: readonly number[]) => q.reduce((sum, x, c) => sum + x * k[c]!, 0) / Math.sqrt(q.length),
  ...{ least: [-3, 3] as const, axis: "q·k / √d" },
};
const exactly = "A function of q·k alone.";
const alongDiagonal = "Depends on more than q·k: drawn for a query and keys with all channels alike.";

/** The slider's last position: no series. The others are even degrees from 2 on. */
const EXACT = 5;
const degree = (order: number | string | undefined): number => 2 * (Number(order) + 1);

/** In the order of the catalog. */
export const kinds: readonly Kind[] = [
  {
    name: "softmax",
    formula: () => "exp(q·k · s / √d), rows add up to 1",
    params: [{ kind: "number", key: "scale", label: "Scale s", fallback: 1, min: 0, max: 3, step: 0.05 }],
    // The mechanism's scale includes 1 / sqrt d.
    options: ({ scale }) => (scale === 1 ? {} : { scale: Number(scale) / Math.sqrt(CHANNELS) }),
    curve: { ...diagonal, note: () => exactly },
  },
  {
    name: "linear",
    formula: ({ map }) => (map === "identity" ? "q·k, not normalised" : "φ(q)·φ(k), rows add up to 1"),
    params: [
      {
        kind: "choice",
        key: "map",
        label: "Feature map φ",
        fallback: "elu1",
        values: ["elu1", "relu", "exp", "taylor2", "identity"],
      },
    ],
    // Rows of signed weights need not have a sum to divide by.
    options: ({ map }) => (map === "identity" ? { featureMap: map, normalize: false } : { featureMap: map }),
    curve: {
      ...diagonal,
      note: ({ map }) => (map === "taylor2" || map === "identity" ? exactly : alongDiagonal),
    },
  },
  {
    name: "polynomial",
    formula: () => "(q·k / √d)^p / √N, N keys seen, not normalised",
    params: [{ kind: "number", key: "power", label: "Power p", fallback: 2, min: 1, max: 6, step: 1 }],
    options: ({ power }) => ({ power: Number(power) }),
    curve: { ...diagonal, note: () => exactly },
  },
  {
    name: "logsumexp",
    formula: () => "Σ_c exp(q_c + k_c), rows add up to 1",
    params: [],
    options: () => ({}),
    curve: { ...diagonal, note: () => alongDiagonal },
  },
  {
    name: "elementwise",
    formula: ({ order }) =>
      order === EXACT
        ? "exp(−(q_c − k_c)²) per channel, rows add up to 1"
        : `exp(−k_c²) · Σ_m (2 q_c k_c)^m / m! for m = 0 to ${degree(order)}, per channel, rows add up to 1`,
    params: [
      {
        kind: "number",
        key: "order",
        label: "Order",
        fallback: 2,
        min: 0,
        max: EXACT,
        step: 1,
        names: ["2", "4", "6", "8", "10", "exact"],
      },
      { kind: "number", key: "channel", label: "Channel c", fallback: 0, min: 0, max: 15, step: 1 },
    ],
    options: ({ order }) => ({ order: order === EXACT ? "exact" : degree(order) }),
    perChannel: true,
    curve: {
      query: (d) => Array<number>(d).fill(1),
      key: (x, d) => Array<number>(d).fill(x),
      at: (_, k, channel) => k[channel]!,
      ...{ least: [-2, 4] as const, axis: "k_c, for q_c = 1" },
      note: ({ order }) =>
        order === EXACT
          ? "Within a row, a function of the distance alone."
          : `The series ends at (2 q_c k_c)^${degree(order)}: far from 0 the weight is not a function of the distance.`,
    },
  },
];

/** Channels of a head, and heads, of the toy embedding. */
export const CHANNELS = 16;
export const HEADS = 4;
