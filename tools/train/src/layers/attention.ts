import type { Block, Mechanism } from "@attnkit/core";
import { knownAxisSize, type Ops } from "@attnkit/core/program";
import { dense } from "./dense.ts";
import type { Layer } from "./layer.ts";

export interface AttentionOptions {
  /** Channels of input and output, a multiple of `heads`. */
  readonly width: number;
  readonly heads: number;
  readonly mechanism: Mechanism;
  /** Default: false. */
  readonly causal?: boolean;
  /** Bias of the four projections. Default: false. */
  readonly bias?: boolean;
  /** Factor on the standard deviation of the output projection. Default: 1. */
  readonly outputScale?: number;
}

/**
 * Makes multi-head self-attention with trained projections of q, k, v and the output: `x [B, N, width] -> [B, N, width]`.
 * @throws RangeError if width is not a multiple of heads.
 */
export function attentionLayer(
  name: string,
  { width, heads, mechanism, causal = false, bias = false, outputScale = 1 }: AttentionOptions,
): Layer {
  if (!Number.isInteger(width / heads) || heads < 1)
    throw new RangeError(`${name}: width must be a multiple of heads; got width = ${width} and heads = ${heads}.`);
  const d = width / heads;
  const inner = (part: string, scale = 1) =>
    dense(`${name}.${part}`, { from: width, to: width, bias, deviation: scale / Math.sqrt(width) });
  const [query, key, value, output] = [inner("query"), inner("key"), inner("value"), inner("output", outputScale)];
  return {
    parameters: [query, key, value, output].flatMap((layer) => layer.parameters),
    apply(o, w, x, observe) {
      const n = knownAxisSize(o, x, -2);
      const heading = (layer: Layer) => o.transpose(o.reshape(layer.apply(o, w, x), [-1, n, heads, d]), [0, 2, 1, 3]);
      const block = { q: heading(query), k: heading(key), v: heading(value) };
      const { y } = mechanism.forward(o, block, { causal, lse: false, state: false });
      observe?.(name, { ...block, y });
      return output.apply(o, w, o.reshape(o.transpose(y, [0, 2, 1, 3]), o.shape(x)));
    },
  };
}

/**
 * Returns the weights of an attention call, `[B, heads, N, S]`: the output for the identity as v. Any mechanism whose output is
 * a weighted sum of values has them; element-wise attention has one weight per channel, and refuses this.
 */
export function attentionWeights<T>(
  o: Ops<T>,
  mechanism: Mechanism,
  { q, k }: Pick<Block<T>, "q" | "k">,
  { causal = false }: { readonly causal?: boolean } = {},
): T {
  const n = knownAxisSize(o, k, -2);
  const identity = o.constant(
    Float32Array.from({ length: n * n }, (_, i) => +(i % (n + 1) === 0)),
    [n, n],
  );
  const none = o.mul(o.slice(k, -1, 0, 1), 0); // [B, heads, S, 1]
  return mechanism.forward(o, { q, k, v: o.add(none, identity) }, { causal, lse: false, state: false }).y;
}
