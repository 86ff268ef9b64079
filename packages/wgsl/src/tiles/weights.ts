import type { Shapes } from "./pairs.ts";
import { lines } from "./tile.ts";

/** Maps scores to weights, and weighted sums to outputs. */
export interface Weights {
  readonly name: string;
  /**
   * `"softmax"`: weights exp(score), divided by their sum. `"sum"`: `weight(score)`, divided by the square root of
   * `over` or of the number of visible keys.
   */
  readonly kind: "softmax" | "sum";
  /**
   * WGSL `fn score(s: vec4f) -> vec4f`, applied before the bias. `"sum"` also needs `weight`, the weight of a
   * score. Gradients also need `slope`: the derivative of the score, and for `"sum"` that of the weight. All have the same type.
   */
  readonly wgsl: string;
  readonly over?: number | undefined;
  /** Parameters that `wgsl` reads as fields of `p`. */
  readonly floats?: Readonly<Record<string, number>>;
}

/** WGSL of the sums over keys that a thread keeps in registers for its row i, four keys at a time. */
export interface Sums {
  /** Declares the maximum `m_i` of softmax, the sum `l_i`, and the weighted sums `o_i_0` to `o_i_{vectors - 1}`. */
  start(i: number): string;
  /** Sets `seen_i`, and turns the products `s_i` with the keys `j`, a `vec4u`, into scores. Keys from `end` on are unseen. */
  score(i: number, end?: string): string;
  /** Declares `top_i`, the largest of the four scores. Empty for sums, which have no maximum. */
  top(i: number): string;
  /** Declares the weights `w_i`, and adds them to `l_i`. Everything in `o_i` is relative to `m_i`, which may rise to `top_i`. */
  add(i: number): string;
  /** The factor of `o_i` in the output, from the whole `l_i`. */
  factor(i: number): string;
  /** The number beside the output of row i: the logarithm of its normaliser, or the count of its keys. */
  beside(i: number): string;
}

/** The lowest finite float32: the maximum of a row that has not seen a key yet. */
const LOWEST = "bitcast<f32>(0xff7fffffu)";
const ONE = "vec4f(1.0)";

/** @param parted True if `combine` merges these sums with others. Sums are then neither divided nor counted whole. */
export function sumsOf({ kind, over }: Weights, { bias }: Shapes, vectors: number, parted: boolean): Sums {
  const softmax = kind === "softmax";
  const four = (of: (j: string) => string) => Array.from("xyzw", (j) => of(`j.${j}`)).join(", ");
  const each = (line: (m: number) => string) => lines(vectors, line);
  return {
    start: (i) =>
      `${softmax ? `var m_${i} = ${LOWEST}; ` : ""}var l_${i} = 0.0; ${each((m) => `var o_${i}_${m} = vec4f();`)}`,
    score: (i, end) => `
      let seen_${i} = vec4<bool>(${four((j) => `sees(row_${i}, ${j})`)})${end ? ` & (j < vec4u(${end}))` : ""};
      s_${i} = score(s_${i});
      ${bias ? `s_${i} += vec4f(${four((j) => `bias_of(row_${i}, ${j})`)});` : ""}
      s_${i} = select(vec4f(${softmax ? LOWEST : "0.0"}), s_${i}, seen_${i});`,
    top: (i) => (softmax ? `var top_${i} = max(max(s_${i}.x, s_${i}.y), max(s_${i}.z, s_${i}.w));` : ""),
    add: (i) =>
      softmax
        ? `
      top_${i} = max(top_${i}, m_${i});
      let fade_${i} = exp(max(m_${i} - top_${i}, -1000.0));
      let w_${i} = select(vec4f(), exp(s_${i} - top_${i}), seen_${i});
      m_${i} = top_${i};
      l_${i} = l_${i} * fade_${i} + dot(w_${i}, ${ONE});
      ${each((m) => `o_${i}_${m} *= fade_${i};`)}`
        : `
      let w_${i} = select(vec4f(), weight(s_${i}), seen_${i});
      l_${i} += dot(select(vec4f(), ${ONE}, seen_${i}), ${ONE});`,
    factor(i) {
      if (softmax) return `select(0.0, 1.0 / l_${i}, l_${i} != 0.0)`;
      return parted ? "1.0" : rootOf(over, `l_${i}`);
    },
    beside: (i) => (softmax ? `select(p.none, m_${i} + logarithm(l_${i}), l_${i} != 0.0)` : `l_${i}`),
  };
}

/** WGSL of the factor of a sum: one over the root of `over`, the parameter `p.over`, or of the number of its keys. */
export const rootOf = (over: number | undefined, count: string): string =>
  `inverseSqrt(${over === undefined ? `max(${count}, 1.0)` : "p.over"})`;
