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
import { baseArgs } from "./base.ts";
import { type Call, readCall, unbuilt } from "./calls.ts";
import {
  brief,
  type Channels,
  checkMask,
  type Inputs,
  type Reading,
  readInputs,
  type Shaped,
  shapesOf,
} from "./inputs.ts";
import { attachedMasks, checkMasks, keyMaskShape, keyMasks, type Masks } from "./masks.ts";
import {
  checkWeights,
  joinHeads,
  type Projection,
  project,
  splitHeads,
  type WeightRules,
  weightRules,
} from "./projections.ts";
import type { DecodeResult, MultiHeadAttentionArgs, MultiHeadAttentionClass } from "./public.ts";
import type { Config, Given, Layer, LayerShape, WeightRule } from "./types.ts";
import { logarithms, weighted } from "./weighted.ts";

type Part = "query" | "key" | "value" | "output";

/**
 * Defines the multi-head attention layer (Vaswani et al. 2017, section 3.2.2) around any mechanism. The constructor
 * throws what `resolve` throws.
 */
export function multiHeadAttention(given: Given): MultiHeadAttentionClass {
  const { tf, layers } = given;
  const backend = tfjs({ tf });
  const o = backend.ops;
  return class MultiHeadAttentionLayer extends layers.Layer {
    static readonly className = "AttnkitMultiHeadAttention";
    readonly #setup: Setup;
    readonly #rules: WeightRules;
    #parts: Readonly<Record<Part, Projection>> | undefined;
    /** Attention that keeps a state, for decoding, and attention that keeps none. */
    readonly #attentions = new Map<boolean, Attention<Tensor>>();
    /** The key masks that a call used, by its query. tf.layers tells only afterwards which masks it should have used. */
    readonly #used = new WeakMap<Tensor, readonly Tensor[]>();
    /** The call that `apply` is running. tf.layers passes only shapes to `build`, which say less than the call. */
    #call: Call<Shaped> | undefined;
    /** For each number of inputs: true if the last input of symbolic calls is a mask, undefined if such calls differ. */
    readonly #told = new Map<number, boolean | undefined>();

    constructor(args: MultiHeadAttentionArgs) {
      super(baseArgs(who, args, ["L", "channels"]));
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
      const list = [inputs, kwargs?.value, kwargs?.key, kwargs?.attentionMask].flat().filter((x) => x != null);
      const concrete = list.filter((x) => x instanceof tf.Tensor).length;
      if (concrete > 0 && concrete < list.length)
        throw new AttentionError(
          "ATTN_DATA",
          who,
          `a call mixes tensors with other values; got ${concrete} tensors among ${list.length} inputs, expected only tensors or only symbolic tensors`,
        );
      const symbolic = concrete === 0;
      const call = this.#read(inputs as Tensor | Tensor[], kwargs, symbolic);
      const { training, masks } = call;
      const before = this.#call;
      this.#call = call;
      try {
        if (!symbolic) return super.apply([...call.list], { training, mask: masks } as never);
        const short = brief(call.inputs, this.#reading());
        const [n, last] = [short.length, call.inputs.mask !== undefined];
        this.#told.set(n, this.#told.has(n) && this.#told.get(n) !== last ? undefined : last);
        // tf.layers checks `inputShape` against one shape, and a list of one symbolic tensor is not one.
        return super.apply((short.length === 1 ? short[0] : short) as never, {});
      } finally {
        this.#call = before;
      }
    }

    override build(shape: LayerShape | LayerShape[]): void {
      const { query, key, value } = this.#inputs(shapesOf(shape));
      const { numHeads, numKvHeads, keyDim, valueDim, outputShape } = this.#setup;
      const channels = (x: { shape: LayerShape }) => x.shape[2] as number;
      this.#parts = {
        query: this.#add("query", 0, channels(query), numHeads * keyDim),
        key: this.#add("key", 1, channels(key), numKvHeads * keyDim),
        value: this.#add("value", 2, channels(value), numKvHeads * valueDim),
        output: this.#add("output", 3, numHeads * valueDim, outputShape ?? channels(query)),
      };
      checkWeights(this.initialWeights, this.weights);
      this.built = true;
    }

    override call(inputs: Tensor | Tensor[], kwargs: Record<string, unknown> = {}): Tensor | Tensor[] {
      return tf.tidy(() => {
        this.invokeCallHook(inputs, kwargs);
        if (!this.built) unbuilt();
        // A wrapper such as timeDistributed calls the layer without `apply`, and passes the mask of its own input.
        if (!this.#call && kwargs.mask != null)
          throw new AttentionError(
            "ATTN_UNSUPPORTED",
            who,
            "call got a mask outside apply, which may belong to a wrapper's own input. Use apply(inputs, { mask }), or give a mask as the last input",
          );
        const { inputs: given, training, masks } = this.#read(inputs, kwargs, false);
        const block: Block<Tensor> = { ...this.#block(given), ...this.#masks(given, masks) };
        const { mechanism, scores, useCausalMask, dropoutOn, returnAttentionScores } = this.#setup;
        const rate = training ? this.#setup.dropout : 0;
        const drop = (x: Tensor) => (rate > 0 ? o.mul(x, tf.dropout(tf.ones(x.shape), rate)) : x);
        const same = (x: Tensor) => x;
        const thin = rate > 0 && dropoutOn === "weights";
        const { y, weights } =
          scores && (returnAttentionScores || thin)
            ? weighted(o, block, { mechanism, scores, how: { causal: useCausalMask, lse: false } }, thin ? drop : same)
            : { y: this.#attended(block, false).y, weights: undefined };
        const out = this.#output(y, thin ? same : drop);
        return returnAttentionScores ? [out, weights as Tensor] : out;
      });
    }

    decode(x: Tensor, state?: State<Tensor>, keyMask?: Tensor): DecodeResult {
      if (!this.built) unbuilt();
      if (!this.#setup.useCausalMask)
        throw new AttentionError(
          "ATTN_UNSUPPORTED",
          who,
          "decode needs a causal layer; got useCausalMask: false, expected useCausalMask: true",
        );
      return tf.tidy(() => {
        const given = readInputs(x, { ...this.#reading(), lastIsMask: undefined });
        if (Array.isArray(x) || !(x instanceof tf.Tensor))
          throw new AttentionError(
            "ATTN_DATA",
            who,
            "decode takes one tensor; got another value, expected x [B, L, channels]",
          );
        const [B, L] = x.shape;
        const wrong = (rule: string): never => {
          throw new AttentionError("ATTN_SHAPE", who, `${rule}; got keyMask, expected keyMask [B, L] = [${B}, ${L}]`);
        };
        if (keyMask != null) checkMask((keyMask.shape ?? []) as LayerShape, { B, Hq: 1, L, S: L }, wrong, 2);
        const block: Block<Tensor> = {
          ...this.#block(given),
          keyMask: keyMask ? tf.cast(keyMask, "bool") : undefined,
          state: state ?? undefined,
        };
        const out = this.#attended(block, true);
        // An entry that came through unchanged must not go when the caller disposes of the old state.
        const old = new Set(Object.values(state ?? {}));
        const entries = Object.entries(out.state).map(([name, t]) => [name, old.has(t) ? tf.clone(t) : t]);
        return { y: this.#output(out.y, (y) => y), state: Object.fromEntries(entries) as State<Tensor> };
      });
    }

    /** Returns the mask of the output, which is the mask of the query. */
    override computeMask(inputs: Tensor | Tensor[], masks?: Tensor | Tensor[]): Tensor | Tensor[] {
      const given = this.#inputs(inputs);
      const used = this.#used.get(given.query);
      // tf.layers also calls this without masks.
      if (masks !== undefined && used) checkMasks(used, keyMasks(given, masks));
      const first = Array.isArray(masks) ? masks[0] : masks;
      const own = (masks === undefined && this.#call ? this.#queryMask(given) : first) as Tensor;
      return this.#setup.returnAttentionScores ? [own, null as unknown as Tensor] : own;
    }

    override computeOutputShape(shape: LayerShape | LayerShape[]): LayerShape | LayerShape[] {
      const { query, key } = this.#inputs(shapesOf(shape));
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
      const add = (name: string, shape: number[], { initializer, regularizer }: WeightRule) =>
        this.addWeight(`${part}/${name}`, shape, "float32", initializer, regularizer, true);
      return { kernel: add("kernel", [n, m], kernel), bias: this.#setup.useBias ? add("bias", [m], bias) : undefined };
    }

    #attend(state: boolean): Attention<Tensor> {
      const known = this.#attentions.get(state);
      if (known) return known;
      const { mechanism, useCausalMask, kernels } = this.#setup;
      const options = { causal: useCausalMask, kernels, lse: logarithms(mechanism), state };
      const made = attention<Tensor>(mechanism, backend, options);
      this.#attentions.set(state, made);
      return made;
    }

    #reading(): Reading {
      const { lastIsMask, numHeads } = this.#setup;
      const rows = (part: Part) => this.#parts?.[part].kernel.shape[0] as number;
      const channels: Channels | undefined = this.#parts && {
        query: rows("query"),
        value: rows("value"),
        key: rows("key"),
      };
      return { lastIsMask, numHeads, channels, told: this.#told };
    }

    /** Returns the inputs by name, for a list that `apply` has read or for one that it has not. */
    #inputs<T extends Shaped>(inputs: T | T[]): Inputs<T> {
      const last = this.#call && { lastIsMask: this.#call.inputs.mask !== undefined };
      const list = Array.isArray(inputs) ? inputs : [inputs];
      return readInputs(list, { ...this.#reading(), ...(list.length > 1 && last) });
    }

    #read<T extends Shaped>(inputs: T | T[], kwargs: object | undefined, symbolic: boolean): Call<T> {
      const last = this.#call && { lastIsMask: this.#call.inputs.mask !== undefined };
      const reading = { ...this.#reading(), ...last };
      return readCall(inputs, kwargs, { reading, fixed: this.#setup, symbolic });
    }

    #queryMask(given: Inputs<Tensor>): Tensor | null {
      const { masks } = this.#call as Call<Shaped>;
      return (Array.isArray(masks) ? masks[0] : (masks as Tensor | undefined)) ?? attachedMasks(given)[0] ?? null;
    }

    /**
     * Runs attention. Only `decode` keeps the state. A mechanism that works on logarithms returns y = -Infinity for a
     * row that sees no keys, and its projection would be NaN. Such rows become 0. They are found by lse = -Infinity:
     * rows that see NaN, or values of -Infinity, are unchanged.
     */
    #attended(block: Block<Tensor>, keepState: boolean): Result<Tensor> {
      const { y, lse, state } = this.#attend(keepState).sync(block);
      if (lse === undefined) return { y, state };
      const empty = o.reshape(tf.less(lse, tf.scalar(-3.4e38)), [...lse.shape, 1]);
      return { y: o.where(empty, 0, y), state };
    }

    /** Projects the inputs to `q [B, Hq, L, d]`, `k [B, Hkv, S, d]` and `v [B, Hkv, S, dv]`. */
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
      const { query, key } = given;
      // Keras also has masks of numbers; attention takes booleans alone.
      const last = given.mask && tf.cast(given.mask, "bool");
      const [B, S] = key.shape as [number, number, number];
      this.#used.delete(query);
      if (last?.rank === 2) return { keyMask: last };
      const [b, l, s] = (last?.shape ?? []) as [number, number, number];
      const mask = last?.rank === 3 ? o.reshape(last, [b, 1, l, s]) : last;
      const used = this.#setup.useInputMask ? keyMasks(given, masks ?? attachedMasks(given)) : [];
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
