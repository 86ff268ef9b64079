import type { Block, Mechanism } from "@attnkit/core";
import {
  axisSize,
  blockShape,
  cacheEntries,
  clip,
  divideOrZero,
  extendCache,
  foldQueryHeads,
  hideScores,
  knownAxisSize,
  knownOptions,
  logOrMinusInfinity,
  lowestFinite,
  mergeCaches,
  type Ops,
  requireOption,
  stopGradient,
  transposeLast,
  unfoldQueryHeads,
} from "@attnkit/core/program";
import { limitOf } from "./limits.ts";
import { type SoftmaxOptions, softmaxOptions, windowOf } from "./options.ts";

export { type SoftmaxOptions, softmaxOptions } from "./options.ts";

/** Where in the computation `scores` stops; ONNX's `qk_matmul_output_mode` 0, 1, 2, 3. */
export type Stage = "scaled" | "capped" | "biased" | "weights";

/**
 * Scaled dot-product attention (Vaswani et al. 2017, eq. 1): `y_i = sum_j softmax_j(scale q_i.k_j) v_j`.
 * State: every key and value so far, `k [B, Hkv, P, d]`, `v [B, Hkv, P, dv]`, and `keep [B, P]` once a key mask was
 * given. Throws `ATTN_OPTION`.
 */
export function softmax(options: SoftmaxOptions = {}): Mechanism<"softmax"> {
  softmaxOptions.resolve(options);
  return {
    name: "softmax",
    options: { ...options },
    stateOptions: {},
    domain: { q: 100, k: 100 },
    takes: { mask: true, bias: true, lse: true },
    state: cacheEntries,
    granularity: () => 1,
    forward(o, block, { causal, lse, state }) {
      const keys = extendCache(o, block, causal, windowOf(options));
      const seen = keys.visible;
      const biased = stages(o, block, keys.k, options).biased;
      const s = hideScores(o, biased, keys);
      // With no key at all the maximum would be -Infinity.
      const largest = axisSize(o, keys.k, 2) === 0 ? o.maximum(o.max(s, -1), lowestFinite(o)) : o.max(s, -1);
      // The result does not depend on the number that is subtracted.
      const top = stopGradient(o, largest);
      const e = o.exp(o.sub(s, top));
      // Beside a key that is seen, the exponentials of hidden scores are 0 already.
      const weight = seen === undefined || keys.causalOnly ? e : o.where(seen, e, 0);
      const sum = o.sum(weight, -1); // [B, Hq, L, 1]
      const [, hq, L] = blockShape(o, block.q);
      const folded = o.matmul(foldQueryHeads(o, weight, knownAxisSize(o, keys.k, 1)), keys.v);
      const y = divideOrZero(o, unfoldQueryHeads(o, folded, hq, L), sum);
      const logs = () => o.reshape(o.add(top, logOrMinusInfinity(o, sum)), o.shape(sum).slice(0, 3));
      return { y, state: state === false ? {} : keys.state, ...(lse && { lse: logs() }) };
    },
    merge: mergeCaches,
  };
}

/**
 * The scores of a block at one stage, `[B, Hq, L, P + S]`: scaled products, after softcap, after bias and masks
 * (-Infinity where a row may not attend), or the softmax weights. For pictures and for ONNX's `qk_matmul_output`.
 */
export function scores<T>(
  o: Ops<T>,
  block: Block<T>,
  how: { readonly causal: boolean | "end"; readonly stage: Stage },
  options: SoftmaxOptions = {},
): T {
  softmaxOptions.resolve(options);
  checkScores(o, block, how);
  const keys = extendCache(o, block, how.causal, windowOf(options));
  const at = stages(o, block, keys.k, options);
  if (how.stage === "scaled" || how.stage === "capped") return at[how.stage];
  const seen = keys.visible;
  const masked = seen === undefined ? at.biased : o.where(seen, at.biased, lowestFinite(o));
  if (how.stage === "biased") return seen === undefined ? masked : o.where(seen, masked, Number.NEGATIVE_INFINITY);
  const e = o.exp(o.sub(masked, o.maximum(o.max(masked, -1), lowestFinite(o))));
  const weight = seen === undefined ? e : o.where(seen, e, 0);
  return divideOrZero(o, weight, o.sum(weight, -1));
}

/** Throws `ATTN_OPTION` unless `scores` got operations, a block with q and k of rank 4, and how to read it. */
function checkScores<T>(o: Ops<T>, block: Block<T>, how: { readonly causal: unknown; readonly stage: unknown }): void {
  const who = "scores";
  requireOption(typeof o?.matmul === "function", who, "o", typeof o, "the ops of a backend: backend.ops");
  const rank = (x: T | undefined) => (x === undefined || x === null ? 0 : o.shape(x)?.length);
  const fits = rank(block?.q) === 4 && rank(block.k) === 4;
  requireOption(fits, who, "block", typeof block, "{ q, k, v } of rank 4");
  knownOptions(who, how, ["causal", "stage"]);
  requireOption(
    [true, false, "end"].includes(how.causal as boolean),
    who,
    "causal",
    how.causal,
    'true, false or "end"',
  );
  const stages = ["scaled", "capped", "biased", "weights"];
  requireOption(stages.includes(how.stage as string), who, "stage", how.stage, stages.join(", "));
}

function stages<T>(o: Ops<T>, { q, bias }: Block<T>, k: T, options: SoftmaxOptions) {
  const [, hq, L, d] = blockShape(o, q);
  const { scale = 1 / Math.sqrt(d), softcap } = options;
  const limit = limitOf(o.dtype, d, scale);
  const rows = o.mul(clip(o, q, limit), scale);
  const product = o.matmul(foldQueryHeads(o, rows, knownAxisSize(o, k, 1)), transposeLast(o, clip(o, k, limit)));
  const scaled = unfoldQueryHeads(o, product, hq, L);
  const capped = softcap === undefined ? scaled : o.mul(o.tanh(o.mul(scaled, 1 / softcap)), softcap);
  return { scaled, capped, biased: bias === undefined ? capped : o.add(capped, bias) };
}
