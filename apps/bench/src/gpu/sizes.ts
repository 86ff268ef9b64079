/** The sizes of one group of cells. Every cell of a group computes on the same input. */
export interface Sizes {
  readonly B: number;
  readonly H: number;
  /** Channels of a head, of q, k and v alike. */
  readonly d: number;
  /** Tokens of a prefill or of a training step; tokens in the cache before one is decoded. */
  readonly length: number;
}

export type What = "prefill" | "decode" | "linear-time" | "training";

/** One group: what is measured, its sizes, and the seconds that each of its cells may take. */
export interface GroupPlan {
  readonly what: What;
  readonly sizes: Sizes;
  readonly seconds: number;
  /** Samples of a cell, at most, and calls that one sample averages, at most. */
  readonly samples: number;
  readonly calls: number;
  /** Applications in one graph of an operator of ONNX Runtime, at least 2: its time is that of all less that of one. */
  readonly repeats: number;
  /** The mechanisms that are measured beside softmax. */
  readonly others: readonly string[];
}

/** The mechanisms whose time is linear in the tokens. */
const LINEAR = ["linear", "logsumexp", "elementwise"];

/** No cell begins after this many seconds. The cells before it, the exported models and the start need less than 30 more. */
export const TOTAL = 300;

/**
 * Returns the groups of a record, the most important first: those at the end are cut if the time is over. With `smoke`, they
 * are so small that a software adapter needs only seconds.
 */
export function groups(smoke: boolean): GroupPlan[] {
  if (smoke) {
    const tiny = { B: 1, H: 2, d: 16, length: 32 };
    const quick = { seconds: 20, samples: 3, calls: 1, repeats: 2, others: ["linear"] };
    return [
      { what: "prefill", sizes: tiny, ...quick },
      { what: "decode", sizes: { ...tiny, B: 2 }, ...quick },
      { what: "linear-time", sizes: tiny, ...quick },
      { what: "training", sizes: tiny, ...quick },
    ];
  }
  const full = { samples: 15, calls: 64, repeats: 9, others: LINEAR };
  const prefill = (d: number) =>
    [2048, 4096, 8192].map(
      (length) => ({ what: "prefill", sizes: { B: 1, H: 8, d, length }, seconds: 1.5, ...full }) as const,
    );
  return [
    ...prefill(64),
    { what: "decode", sizes: { B: 8, H: 8, d: 64, length: 16384 }, seconds: 4, ...full },
    { what: "linear-time", sizes: { B: 1, H: 8, d: 64, length: 16384 }, seconds: 2, ...full },
    { what: "training", sizes: { B: 1, H: 8, d: 64, length: 2048 }, seconds: 2, ...full },
    ...prefill(128),
  ];
}

/** Returns a group's name, such as `prefill L=2048 H=8 d=64`. */
export const nameOf = ({ what, sizes: { B, H, d, length } }: GroupPlan): string =>
  [what, ...(B > 1 ? [`B=${B}`] : []), `${what === "decode" ? "T" : "L"}=${length}`, `H=${H}`, `d=${d}`].join(" ");
