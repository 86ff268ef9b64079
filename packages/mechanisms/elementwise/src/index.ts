import { AttentionError, type Mechanism } from "@attnkit/core";
import {
  type Call,
  cacheEntries,
  type Dims,
  declareOptions,
  mergeCaches,
  numberOption,
  type OptionDeclarations,
  type OptionsOf,
  scanGranularity,
} from "@attnkit/core/program";
import { exact } from "./exact.ts";
import { series } from "./series.ts";
import { mergeSeries } from "./sums.ts";

const table = {
  order: numberOption(
    { from: 2, to: 20, multipleOf: 2, words: ["exact"], default: 6 },
    'is the highest power of the Taylor series, which is positive everywhere only if its order is even; "exact" has no series',
  ),
};

export type ElementwiseOptions = OptionsOf<typeof table>;

/** The options of element-wise attention as data. */
export const elementwiseOptions: OptionDeclarations<typeof table> = declareOptions("elementwise", table);

/**
 * Element-wise attention (Feng 2025, arXiv 2501.05730): every channel attends on its own by the squared distance of q and
 * k. `y_ic = sum_j w_ijc v_jc / sum_j w_ijc`, `w_ijc = exp(-k_jc^2) P(2 q_ic k_jc)`, P the Taylor polynomial of exp of
 * even order (eq. 4-16), or exp itself (eq. 1-3). v has the channels of k. State of the series: `mu [B, Hkv, 1, d]`,
 * `s` and `z [B, Hkv, order + 1, d]`; of the exact form: every key and value. Throws `ATTN_OPTION`.
 */
export function elementwise(options: ElementwiseOptions = {}): Mechanism<"elementwise"> {
  const { order } = elementwiseOptions.resolve(options);
  const named = { name: "elementwise" as const, options: { ...options }, stateOptions: { order } };
  const shared = { ...named, domain: { q: 20, k: 20 }, check: checkChannels };
  if (order === "exact") {
    return {
      ...shared,
      takes: { mask: true, bias: true, lse: true },
      state: cacheEntries,
      granularity: () => 1,
      forward: exact,
      merge: mergeCaches,
    };
  }
  const folded =
    'the state is a sum over keys, so single pairs of query and key cannot be changed; use keyMask, or order "exact"';
  return {
    ...shared,
    takes: { mask: folded, bias: folded, lse: true },
    state: ({ B, Hkv, d }: Dims) => ({
      mu: { shape: [B, Hkv, 1, d] },
      s: { shape: [B, Hkv, order + 1, d] },
      z: { shape: [B, Hkv, order + 1, d] },
    }),
    granularity: ({ causal, dims: { L } }) => (causal ? scanGranularity(L, 1) : 1),
    forward: (o, block, how) => series(o, block, how, order),
    merge: mergeSeries,
  };
}

function checkChannels({ dims: { d, dv }, shapes }: Call): void {
  if (d === dv) return;
  const got = (["q", "k", "v"] as const).map((n) => `${n} [${shapes[n].join(", ")}]`).join(", ");
  throw new AttentionError(
    "ATTN_SHAPE",
    "elementwise",
    `every channel of k weights the same channel of v, but k has ${d} channels and v has ${dv}; got ${got}, expected v [B, Hkv, S, d]`,
  );
}
