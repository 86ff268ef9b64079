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
  /** The weight of a key, as in the README of the mechanism. */
  readonly formula: string;
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
  readonly from: number;
  readonly to: number;
  readonly axis: string;
  /** Whether weight is a function of the axis alone; if not, which line this is. */
  note(values: Values): string;
}

/** Query and key along the diagonal, so that `q.k / sqrt d` is x and every channel adds the same. */
const diagonal = {
  query: (d: number) => Array<number>(d).fill(1),
  key: (x: number, d: number) => Array<number>(d).fill(x / Math.sqrt(d)),
  ...{ from: -3, to: 3, axis: "q·k / √d" },
};
const exactly = "A function of q·k alone.";
const alongDiagonal = "Depends on more than q·k: drawn for a query and keys with all channels alike.";

/** In the order of the catalog. */
export const kinds: readonly Kind[] = [
  {
    name: "softmax",
    formula: "exp(q·k · s / √d), rows add up to 1",
    params: [{ kind: "number", key: "scale", label: "Scale s", fallback: 1, min: 0, max: 3, step: 0.05 }],
    // The mechanism's scale includes 1 / sqrt d.
    options: ({ scale }) => (scale === 1 ? {} : { scale: Number(scale) / Math.sqrt(CHANNELS) }),
    curve: { ...diagonal, note: () => exactly },
  },
  {
    name: "linear",
    formula: "φ(q)·φ(k), rows add up to 1",
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
    formula: "(q·k / √d)^p / √N, not normalised",
    params: [{ kind: "number", key: "power", label: "Power p", fallback: 2, min: 1, max: 6, step: 1 }],
    options: ({ power }) => ({ power: Number(power) }),
    curve: { ...diagonal, note: () => exactly },
  },
  {
    name: "logsumexp",
    formula: "Σ_c exp(q_c + k_c), rows add up to 1",
    params: [],
    options: () => ({}),
    curve: { ...diagonal, note: () => alongDiagonal },
  },
  {
    name: "elementwise",
    formula: "Taylor series of exp(−(q_c − k_c)²), per channel",
    params: [
      {
        kind: "number",
        key: "order",
        label: "Order",
        fallback: 2,
        min: 0,
        max: 5,
        step: 1,
        names: ["2", "4", "6", "8", "10", "exact"],
      },
      { kind: "number", key: "channel", label: "Channel c", fallback: 0, min: 0, max: 15, step: 1 },
    ],
    options: ({ order }) => ({ order: order === 5 ? "exact" : 2 * (Number(order) + 1) }),
    perChannel: true,
    curve: {
      query: (d) => Array<number>(d).fill(1),
      key: (x, d) => Array<number>(d).fill(x),
      ...{ from: -2, to: 4, axis: "k_c, for q_c = 1" },
      note: ({ order }) =>
        order === 5 ? "A function of the distance alone." : "Falls off the squared distance where the series ends.",
    },
  },
];

/** Channels of a head, and heads, of the toy embedding. */
export const CHANNELS = 16;
export const HEADS = 4;
