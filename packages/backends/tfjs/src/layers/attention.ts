import {
  type Attention,
  AttentionError,
  attention,
  type Block,
  type Mechanism,
  type Result,
  type State,
} from "@attnkit/core";
import { tfjs } from "../index.ts";
import type { Tensor } from "../tf.ts";
import { configOf, resolve, type Setup, who } from "./arguments.ts";
import { brief, checkMasks, type Inputs, inputsOf, keyMaskShape, keyMasks, type Masks } from "./inputs.ts";
import { joinHeads, type Projection, project, splitHeads, type WeightRules, weightRules } from "./projections.ts";
import type { Config, Given, Layer, LayerArgs, LayerShape, WeightArgs, WeightRule } from "./types.ts";
import { weighted } from "./weighted.ts";

export interface MultiHeadAttentionArgs extends LayerArgs, WeightArgs {
  /** A mechanism, or the name of one that `attentionLayers` was given. */
  readonly mechanism: Mechanism | string;
  /** Plain-data options of a mechanism that is named. */
  readonly mechanismOptions?: object;
  /** Hq, heads of queries. */
  readonly numHeads: number;
  /** Hkv, heads of keys and values, a divisor of `numHeads`; default `numHeads`. */
  readonly numKvHeads?: number;
  /** d, channels of queries and keys in each head. */
  readonly keyDim: number;
  /** dv, channels of values in each head; default `keyDim`. */
  readonly valueDim?: number;
  /** Channels of the output; default those of the query. */
  readonly outputShape?: number;
  /** A query sees the keys up to its own position only; default false. */
  readonly useCausalMask?: boolean;
  /** Whether projections add a bias; default true. */
  readonly useBias?: boolean;
  /** Share of what is set to 0 while training, the rest scaled up; default 0. */
  readonly dropout?: number;
  /**
   * What `dropout` thins out: the weights (default; needs `scores`, and makes the matrix `[B, Hq, L, S]`), or what comes
   * out of the heads, before it is projected, which any mechanism has.
   */
  readonly dropoutOn?: "weights" | "output";
  /** Return `[y, weights]`, the weights `[B, Hq, L, S]` before dropout; needs `scores`. Default false. */
  readonly returnAttentionScores?: boolean;
  /** Take masks of tf.layers as key masks; default true. Where false, only a mask among the inputs counts. */
  readonly useInputMask?: boolean;
  /** As in `attention`; default `"prefer"`. */
  readonly kernels?: "prefer" | "require" | "never";
}

export interface DecodeResult {
  /** `[B, L, channels]` */
  readonly y: Tensor;
  readonly state: State<Tensor>;
}

/**
 * `apply(query)`, `apply([query, value])` or `apply([query, value, key])`, Keras's order, `query [B, L, channels]`, `value`
 * and `key [B, S, channels]`; last in the list a mask may follow, `[B, S]` (which keys are there; masks of tf.layers then
 * do not count) or `[B, Hq or 1, L, S]` (which query may attend to which key, where the mechanism takes that).
 */
export interface MultiHeadAttention extends Layer {
  readonly mechanism: Mechanism;
  /**
   * The next tokens of causal self-attention, one or many, `x [B, L, channels]`; `state` is what the last call returned.
   * `keyMask [B, L]` removes tokens. Both results are the caller's to dispose of, as is the old state: `tf.dispose(state)`.
   * Throws `ATTN_UNSUPPORTED` where the layer is not causal or not built.
   */
  decode(x: Tensor, state?: State<Tensor>, keyMask?: Tensor): DecodeResult;
}

export interface MultiHeadAttentionClass {
  new (args: MultiHeadAttentionArgs): MultiHeadAttention;
  readonly className: string;
  readonly fromConfig: Given["layers"]["Layer"]["fromConfig"];
}

type Part = "query" | "key" | "value" | "output";

/** Multi-head attention (Vaswani et al. 2017, 3.2.2) around any mechanism. Constructing it throws what `resolve` throws. */
export function multiHeadAttention(given: Given): MultiHeadAttentionClass {
  const { tf, layers } = given;
  const backend = tfjs({ tf });
  const o = backend.ops;
  return class MultiHeadAttentionLayer extends layers.Layer {
    static readonly className = "AttnkitMultiHeadAttention";
    readonly #setup: Setup;
    readonly #rules: WeightRules;
    #parts: Readonly<Record<Part, Projection>> | undefined;
    #attention: Attention<Tensor> | undefined;
    /** The key masks that the call on this query was given; tf.layers says afterwards which it should have been. */
    readonly #used = new WeakMap<Tensor, readonly Tensor[]>();

    constructor(args: MultiHeadAttentionArgs) {
      super(args);
      this.#setup = resolve(args, given);
      this.#rules = weightRules(layers, args);
      this.supportsMasking = true;
    }

    get mechanism(): Mechanism {
      return this.#setup.mechanism;
    }

    override apply(
      inputs: Parameters<Layer["apply"]>[0],
      kwargs?: Record<string, unknown>,
    ): ReturnType<Layer["apply"]> {
      const symbolic = !((Array.isArray(inputs) ? inputs[0] : inputs) instanceof tf.Tensor);
      return super.apply(
        symbolic ? (brief<Tensor>(inputs as Tensor[]) as Parameters<Layer["apply"]>[0]) : inputs,
        kwargs as never,
      );
    }

    override build(shape: LayerShape | LayerShape[]): void {
      const { query, key, value } = inputsOf(shapesOf(shape));
      const { numHeads, numKvHeads, keyDim, valueDim, outputShape } = this.#setup;
      const channels = (x: { shape: LayerShape }) => x.shape[2] as number;
      this.#parts = {
        query: this.#add("query", 0, channels(query), numHeads * keyDim),
        key: this.#add("key", 1, channels(key), numKvHeads * keyDim),
        value: this.#add("value", 2, channels(value), numKvHeads * valueDim),
        output: this.#add("output", 3, numHeads * valueDim, outputShape ?? channels(query)),
      };
      this.built = true;
    }

    override call(inputs: Tensor | Tensor[], kwargs: Record<string, unknown> = {}): Tensor | Tensor[] {
      return tf.tidy(() => {
        this.invokeCallHook(inputs, kwargs);
        const given = inputsOf(inputs);
        const block: Block<Tensor> = { ...this.#block(given), ...this.#masks(given, kwargs.mask as Masks) };
        const { mechanism, scores, useCausalMask, dropoutOn, returnAttentionScores } = this.#setup;
        const rate = kwargs.training === true ? this.#setup.dropout : 0;
        const drop = (x: Tensor) => (rate > 0 ? o.mul(x, tf.dropout(tf.ones(x.shape), rate)) : x);
        const same = (x: Tensor) => x;
        const thin = rate > 0 && dropoutOn === "weights";
        const { y, weights } =
          scores && (returnAttentionScores || thin)
            ? weighted(o, block, { mechanism, scores, how: { causal: useCausalMask, lse: false } }, thin ? drop : same)
            : { y: this.#attended(block).y, weights: undefined };
        const out = this.#output(y, thin ? same : drop);
        return returnAttentionScores ? [out, weights as Tensor] : out;
      });
    }

    decode(x: Tensor, state?: State<Tensor>, keyMask?: Tensor): DecodeResult {
      if (!this.#setup.useCausalMask || !this.built)
        throw new AttentionError(
          "ATTN_UNSUPPORTED",
          who,
          this.built
            ? "decode needs useCausalMask: true"
            : "the layer has no weights yet; apply it, or a model with it, first",
        );
      return tf.tidy(() => {
        const given = inputsOf(x);
        const out = this.#attended({ ...this.#block(given), keyMask, state });
        // An entry that came through unchanged must not go when the caller disposes of the old state.
        const old = new Set(Object.values(state ?? {}));
        const entries = Object.entries(out.state).map(([name, t]) => [name, old.has(t) ? tf.clone(t) : t]);
        return { y: this.#output(out.y, (y) => y), state: Object.fromEntries(entries) as State<Tensor> };
      });
    }

    /** The mask of the query is that of the output. */
    override computeMask(inputs: Tensor | Tensor[], masks?: Tensor | Tensor[]): Tensor | Tensor[] {
      const given = inputsOf(inputs);
      const used = this.#used.get(given.query);
      // tf.layers also asks without knowing any mask.
      if (masks !== undefined && used) checkMasks(used, keyMasks(given, masks));
      const own = (Array.isArray(masks) ? masks[0] : masks) as Tensor;
      return this.#setup.returnAttentionScores ? [own, null as unknown as Tensor] : own;
    }

    override computeOutputShape(shape: LayerShape | LayerShape[]): LayerShape | LayerShape[] {
      const { query, key } = inputsOf(shapesOf(shape));
      const { numHeads, outputShape, returnAttentionScores } = this.#setup;
      const [B, L, channels] = query.shape as [number, number, number];
      const y = [B, L, outputShape ?? channels];
      return returnAttentionScores ? [y, [B, numHeads, L, key.shape[1] as number]] : y;
    }

    override getConfig(): Config {
      return { ...super.getConfig(), ...configOf(this.#setup), ...this.#rules.config };
    }

    #add(part: Part, i: number, n: number, m: number): Projection {
      const { kernel, bias } = this.#rules.of(i);
      const add = (name: string, shape: number[], { initializer, regularizer, constraint }: WeightRule) =>
        this.addWeight(`${part}/${name}`, shape, "float32", initializer, regularizer, true, constraint);
      return { kernel: add("kernel", [n, m], kernel), bias: this.#setup.useBias ? add("bias", [m], bias) : undefined };
    }

    get #attend(): Attention<Tensor> {
      const { mechanism, useCausalMask, kernels } = this.#setup;
      this.#attention ??= attention(mechanism, backend, { causal: useCausalMask, kernels });
      return this.#attention;
    }

    /** Where a mechanism works on logarithms, a row that sees nothing is -Infinity; projected, that would be NaN. */
    #attended(block: Block<Tensor>): Result<Tensor> {
      const { y, state } = this.#attend.sync(block);
      const masked = block.mask !== undefined || block.keyMask !== undefined;
      return { y: masked ? o.where(tf.greater(y, tf.scalar(-3.4e38)), y, 0) : y, state };
    }

    /** `q [B, Hq, L, d]`, `k [B, Hkv, S, d]`, `v [B, Hkv, S, dv]` */
    #block({ query, key, value }: Inputs<Tensor>): Block<Tensor> {
      const { numHeads, numKvHeads } = this.#setup;
      const part = (name: Part, x: Tensor, heads: number) => splitHeads(o, project(o, x, this.#parts![name]), heads);
      return {
        q: part("query", query, numHeads),
        k: part("key", key, numKvHeads),
        v: part("value", value, numKvHeads),
      };
    }

    #masks(given: Inputs<Tensor>, masks: Masks): { mask?: Tensor; keyMask?: Tensor } {
      const { query, key, mask } = given;
      const [B, S] = key.shape as [number, number, number];
      this.#used.delete(query);
      if (mask?.rank === 2) return { keyMask: mask };
      const used = this.#setup.useInputMask ? keyMasks(given, masks) : [];
      if (this.#setup.useInputMask) this.#used.set(query, used);
      const flat = used.map((m) => tf.cast(o.reshape(m, keyMaskShape(m, B, S)), "bool"));
      return {
        ...(mask && { mask }),
        ...(flat.length > 0 && { keyMask: flat.reduce((a, b) => tf.logicalAnd(a, b)) }),
      };
    }

    #output(y: Tensor, drop: (x: Tensor) => Tensor): Tensor {
      return project(o, drop(joinHeads(o, y)), this.#parts!.output);
    }
  };
}

/** tf.layers gives one shape, or a list of them. */
const shapesOf = (shape: LayerShape | LayerShape[]): { shape: LayerShape }[] =>
  (Array.isArray(shape[0]) ? (shape as LayerShape[]) : [shape as LayerShape]).map((one) => ({ shape: one }));
