import type { Mechanism } from "@attnkit/core";
import { exportOnnx } from "@attnkit/onnx";
import { namedParameters, under } from "@attnkit/train";
import { layerMechanism } from "../model/attention.ts";
import { parameters } from "../model/config.ts";
import type { SavedModel } from "./weights.ts";

/**
 * The trained attention of one layer as an ONNX file: projections, norms of q, k and y, and the mechanism between them, with the
 * weights inside. `q k v [batch, 1, L, C]` are the layer's inputs after its first norm and token shift; `y` is what the
 * layer adds to the residual stream. Decode takes the state as `past.*` and gives it as `present.*`.
 */
export function exportLayer(
  inner: Mechanism,
  { config, weights }: SavedModel,
  layer: number,
  form: "prefill" | "decode",
): Uint8Array {
  const all = namedParameters(parameters(config), weights);
  const { norm: _, ...own } = under(`blocks.${layer}.attention.`, all);
  const mechanism = layerMechanism(inner, config, layer, own);
  const dims = { Hq: 1, d: config.width, L: form === "decode" ? 1 : config.context };
  return exportOnnx(mechanism, { form, causal: true, dims });
}
