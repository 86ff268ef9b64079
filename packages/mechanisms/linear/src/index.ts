import type { Mechanism } from "@attnkit/core";
import {
  appendOnes,
  axisSize,
  chunkGranularity,
  chunkSizeForFeatures,
  divideOrZero,
  factoredSum,
  isPositiveNumber,
  knownOptions,
  logOrMinusInfinity,
  presentKeys,
  replaceAbsent,
  requireOption,
  splitOnes,
} from "@attnkit/core/program";
import { type FeatureMap, type FeatureMapName, featureMaps } from "./features.ts";

export { type FeatureMap, type FeatureMapName, featureMaps } from "./features.ts";

export interface LinearOptions {
  /** `"elu1"` (default), `"relu"`, `"identity"`, `"exp"`, `"taylor2"`, or a map of one's own. */
  readonly featureMap?: FeatureMapName | FeatureMap;
  /** Divide by the sum of the weights; default true. */
  readonly normalize?: boolean;
  /** Multiplies the weights; default 1. Without effect on a normalised output. */
  readonly scale?: number;
}

/**
 * Linear attention (Katharopoulos et al. 2020, eq. 4-12): `y_i = sum_j w_ij v_j / sum_j w_ij`, `w_ij = phi(q_i).phi(k_j)`.
 * State: `s [B, Hkv, r, dv]`, and `z [B, Hkv, r, 1]` where normalised; r features of d channels. Throws `ATTN_OPTION`.
 */
export function linear(options: LinearOptions = {}): Mechanism {
  knownOptions("linear", options, ["featureMap", "normalize", "scale"]);
  const { featureMap = "elu1", normalize = true, scale = 1 } = options;
  const phi = mapOf(featureMap);
  requireOption(typeof normalize === "boolean", "linear", "normalize", normalize, "true or false");
  requireOption(isPositiveNumber(scale), "linear", "scale", scale, "a number above 0");
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
    forward(o, block, { causal, lse }) {
      const present = presentKeys(o, block);
      const k = replaceAbsent(o, present, block.k, 0);
      const values = normalize ? appendOnes(o, block.v, present) : replaceAbsent(o, present, block.v, 0);
      const past = block.state;
      const carry = past && (normalize ? o.concat([past.s!, past.z!], -1) : past.s!);
      const [phiQ, phiK] = [phi.map(o, block.q), phi.map(o, k)];
      const { sums, carry: next } = factoredSum(
        o,
        {
          phiQ,
          phiK,
          values,
          carry,
          own: phi.weights && { q: block.q, k, weights: (x, y) => phi.weights!(o, x, y) },
        },
        causal,
        chunkSizeForFeatures(axisSize(o, phiK, -1)),
      );
      if (!normalize) return { y: scale === 1 ? sums : o.mul(sums, scale), state: { s: next } };
      const [numerator, sum] = splitOnes(o, sums);
      const [s, z] = splitOnes(o, next);
      const logs = () => logOrMinusInfinity(o, scale === 1 ? sum : o.mul(sum, scale));
      return {
        y: divideOrZero(o, numerator, sum),
        state: { s, z },
        ...(lse && { lse: o.reshape(logs(), o.shape(sum).slice(0, 3)) }),
      };
    },
    merge: (o, a, b) => ({ s: o.add(a.s!, b.s!), ...(normalize && { z: o.add(a.z!, b.z!) }) }),
  };
}

function mapOf(map: FeatureMapName | FeatureMap): FeatureMap {
  const found = typeof map === "string" ? featureMaps[map] : map;
  const ok = typeof found?.map === "function" && typeof found?.size === "function";
  requireOption(ok, "linear", "featureMap", map, `one of ${Object.keys(featureMaps).join(", ")}, or a FeatureMap`);
  return found as FeatureMap;
}
