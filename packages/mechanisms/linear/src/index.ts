import type { Mechanism } from "@attnkit/core";
import {
  appendOnes,
  choiceOption,
  chunkGranularity,
  chunkSizeForFeatures,
  declareOptions,
  divideOrZero,
  factoredSum,
  flagOption,
  knownAxisSize,
  logOrMinusInfinity,
  numberOption,
  type OptionDeclarations,
  type OptionsOf,
  presentKeys,
  replaceAbsent,
  splitOnes,
  transposeLast,
} from "@attnkit/core/program";
import { type FeatureMap, type FeatureMapName, featureMaps } from "./features.ts";

export { type FeatureMap, type FeatureMapName, featureMaps } from "./features.ts";

const isFeatureMap = (x: unknown): x is FeatureMap =>
  typeof x === "object" &&
  typeof (x as FeatureMap | null)?.map === "function" &&
  typeof (x as FeatureMap).size === "function";

const table = {
  featureMap: choiceOption(
    ["elu1", "relu", "identity", "exp", "taylor2"],
    "is the map phi of the weights phi(q).phi(k)",
    { expected: "a FeatureMap", accepts: isFeatureMap },
  ),
  normalize: flagOption(true, "divides by the sum of the weights"),
  scale: numberOption({ above: 0, default: 1 }, "multiplies the weights, without effect on a normalised output"),
};

export type LinearOptions = OptionsOf<typeof table>;

/** The options of linear attention as data. */
export const linearOptions: OptionDeclarations<typeof table> = declareOptions("linear", table);

/**
 * Linear attention (Katharopoulos et al. 2020, eq. 4-12): `y_i = sum_j w_ij v_j / sum_j w_ij`, `w_ij = phi(q_i).phi(k_j)`.
 * State: `s [B, Hkv, r, dv]`, and `z [B, Hkv, r, 1]` where normalised; r features of d channels. Throws `ATTN_OPTION`.
 */
export function linear(options: LinearOptions = {}): Mechanism<"linear"> {
  const { featureMap, normalize, scale } = linearOptions.resolve(options);
  const phi = mapOf(featureMap);
  const folded =
    "the state is a sum over keys, so single pairs of query and key cannot be changed; use keyMask, or softmax";
  const noLse = normalize
    ? `weights of the feature map ${phi.name} may be negative`
    : "without normalize there is no normaliser";
  return {
    name: "linear",
    options: { ...options, featureMap: phi.name },
    stateOptions: { featureMap: phi.name },
    domain: { q: phi.domain, k: phi.domain },
    takes: { mask: folded, bias: folded, lse: (normalize && phi.positive) || noLse },
    state({ B, Hkv, d, dv }) {
      const r = phi.size(d);
      return { s: { shape: [B, Hkv, r, dv] }, ...(normalize && { z: { shape: [B, Hkv, r, 1] } }) };
    },
    granularity: ({ causal, dims }) => (causal ? chunkGranularity(chunkSizeForFeatures(phi.size(dims.d)), dims.L) : 1),
    forward(o, block, { causal, lse, state }) {
      const present = presentKeys(o, block);
      const k = replaceAbsent(o, present, block.k, 0);
      const values = normalize ? appendOnes(o, block.v, present) : replaceAbsent(o, present, block.v, 0);
      const past = block.state;
      const carry = past && (normalize ? o.concat([past.s!, past.z!], -1) : past.s!);
      const { sums, carry: next } = factoredSum(
        o,
        {
          q: phi.weights ? block.q : phi.map(o, block.q),
          k: phi.weights ? k : phi.map(o, k),
          values,
          carry,
          weights: (x, y) => phi.weights?.(o, x, y) ?? o.matmul(x, transposeLast(o, y)),
          fold: (x, v) => o.matmul(transposeLast(o, phi.weights ? phi.map(o, x) : x), v),
          read: (x, sum) => o.matmul(phi.weights ? phi.map(o, x) : x, sum),
        },
        { causal, size: chunkSizeForFeatures(phi.size(knownAxisSize(o, k, -1))), state },
      );
      const after = () => {
        if (!normalize) return { s: next! };
        const [s, z] = splitOnes(o, next!);
        return { s, z };
      };
      const kept = state === false ? {} : after();
      if (!normalize) return { y: scale === 1 ? sums : o.mul(sums, scale), state: kept };
      const [numerator, sum] = splitOnes(o, sums);
      const logs = () => logOrMinusInfinity(o, scale === 1 ? sum : o.mul(sum, scale));
      return {
        y: divideOrZero(o, numerator, sum),
        state: kept,
        ...(lse && { lse: o.reshape(logs(), o.shape(sum).slice(0, 3)) }),
      };
    },
    merge: (o, a, b) => ({ s: o.add(a.s!, b.s!), ...(normalize && { z: o.add(a.z!, b.z!) }) }),
  };
}

/** The map that an option names, or is. */
export const mapOf = (map: FeatureMapName | FeatureMap): FeatureMap =>
  typeof map === "string" ? featureMaps[map] : map;
