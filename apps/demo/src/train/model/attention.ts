import type { Block, Mechanism, Result, State, Tensors } from "@attnkit/core";
import type { Dims, Ops } from "@attnkit/core/program";
import { project, rootMeanSquareNorm } from "@attnkit/train";
import type { ModelConfig } from "./config.ts";

/** One call of a mechanism: its portable program over the `o` at hand, or the same with kernels. */
export type Attend = <T>(o: Ops<T>, block: Block<T>) => Result<T>;

export interface Attended<T> {
  /** `[B, L, C]`, what is added to the residual stream. */
  readonly out: T;
  /** `[B, H, L, d]`, what the mechanism returned. */
  readonly y: T;
  readonly state: State<T>;
}

/**
 * Multi-head attention with trained projections: `q k v [B, L, C]`, `w` the weights of one layer without their prefix.
 * q and k are normalised per head (Dehghani et al. 2023, 2.1), so that they stay where every mechanism is accurate; y is
 * normalised before the last projection, because the weights of some mechanisms do not sum to one.
 */
export function multiHead<T>(
  o: Ops<T>,
  { heads: H, width: C }: Pick<ModelConfig, "heads" | "width">,
  w: Tensors<T>,
  x: Readonly<Record<"q" | "k" | "v", T>>,
  state: State<T> | undefined,
  attend: Attend,
): Attended<T> {
  const [B, L] = o.shape(x.q) as [number, number];
  const d = C / H;
  const split = (t: T) => o.transpose(o.reshape(t, [B, L, H, d]), [0, 2, 1, 3]);
  const q = rootMeanSquareNorm(o, split(project(o, x.q, w.query!)), w["query.norm"]!);
  const k = rootMeanSquareNorm(o, split(project(o, x.k, w.key!)), w["key.norm"]!);
  const { y, state: next } = attend(o, { q, k, v: split(project(o, x.v, w.value!)), state });
  const joined = o.reshape(o.transpose(y, [0, 2, 1, 3]), [B, L, C]);
  return { out: project(o, rootMeanSquareNorm(o, joined, w["output.norm"]!), w.output!), y, state: next };
}

/**
 * The trained attention of one layer as a mechanism of its own, for export: one head of C channels whose q, k and v are
 * the layer's normalised and mixed inputs, with the weights as constants. Its state is the inner mechanism's.
 */
export function layerMechanism(
  inner: Mechanism,
  config: ModelConfig,
  layer: number,
  weights: Readonly<Record<string, { readonly data: Float32Array; readonly shape: readonly number[] }>>,
): Mechanism {
  const { heads, width } = config;
  const own = (dims: Dims): Dims => ({ ...dims, Hq: heads, Hkv: heads, d: width / heads, dv: width / heads });
  const none = "the exported layer takes q, k and v alone";
  return {
    name: `${inner.name} attention of layer ${layer}`,
    options: { mechanism: inner.name, options: inner.options, layer, heads, width },
    domain: inner.domain,
    takes: { mask: none, bias: none, lse: none },
    state: (dims, names) => inner.state(own(dims), names),
    forward(o, { q, k, v, state }, how) {
      const w = Object.fromEntries(
        Object.entries(weights).map(([name, { data, shape }]) => [name, o.constant(data, shape)]),
      );
      const [B, , L, C] = o.shape(q) as [number, number, number, number];
      const flat = (t: typeof q) => o.reshape(t, [B, L, C]);
      const x = { q: flat(q), k: flat(k), v: flat(v) };
      const done = multiHead(o, config, w, x, state, (ops, block) => inner.forward(ops, block, how));
      return { y: o.reshape(done.out, [B, 1, L, C]), state: done.state };
    },
    merge: (o, a, b) => inner.merge(o, a, b),
  };
}
