import { AttentionError, type Mechanism } from "@attnkit/core";
import {
  cacheEntries,
  declareOptions,
  mergeCaches,
  numberOption,
  type OptionDeclarations,
  type OptionsOf,
} from "@attnkit/core/program";

const table = {
  offset: numberOption({ from: -20, to: 20, default: 0 }, "is added to every score"),
};

export type MyMechanismOptions = OptionsOf<typeof table>;

/** The options as data: names, ranges, defaults and meanings. */
export const myMechanismOptions: OptionDeclarations<typeof table> = declareOptions("my-mechanism", table);

/**
 * Sigmoid attention (Ramapuram et al. 2024, arXiv 2409.04431, eq. 3), the example that you replace:
 * `y_i = sum_j sigmoid(q_i.k_j / sqrt d + offset) v_j`. State: every key and value so far.
 *
 * @throws `ATTN_OPTION` if an option or its value is unknown.
 */
export function myMechanism(options: MyMechanismOptions = {}): Mechanism<"my-mechanism"> {
  const { offset } = myMechanismOptions.resolve(options);
  return {
    name: "my-mechanism",
    options: { ...options },
    // A state holds keys and values, whatever the options.
    stateOptions: {},
    domain: { q: 100, k: 100 },
    takes: { mask: true, bias: true, lse: "the weights are not normalised" },
    state: cacheEntries,
    granularity: () => 1,
    forward() {
      throw new AttentionError(
        "ATTN_UNSUPPORTED",
        "my-mechanism",
        `forward is missing (offset = ${offset}). Write it in src/index.ts over the operations o. It must return { y, state }: y [B, Hq, L, dv], the sum over visible keys of their weights times v, and state { k [B, Hkv, P + S, d], v [B, Hkv, P + S, dv] }. extendCache of @attnkit/core/program gives the keys, their visibility and the state`,
      );
    },
    merge: mergeCaches,
  };
}
