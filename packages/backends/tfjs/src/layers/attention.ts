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
import { brief, type Channels, checkMask, type Inputs, type Reading, readInputs, type Shaped } from "./inputs.ts";
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
import { weighted } from "./weighted.ts";

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
    /** The call that `apply` is running. tf.layers hands shapes alone to `build`, which say less. */
    #call: Call<Shaped> | undefined;
    /** Says, for a number of inputs, if the last is a mask in symbolic calls; undefined where such calls differ. */
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
          `a call mixes tensors with other values; got ${concrete} tensors among ${list.length} inputs, expected tensors or symbolic tensors alone`,
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
        // A list of one symbolic tensor is no shape for the check of `inputShape` in tf.layers.
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
        // A wrapper, such as timeDistributed, calls the layer without `apply`, and the mask is that of the wrapper's input.
        if (!this.#call && kwargs.mask != null)
          throw new AttentionError(
            "ATTN_UNSUPPORTED",
            who,
            "call was given a mask outside apply, where it may be that of a wrapper's own input; got mask, expected none: use apply(inputs, { mask }), or give a mask as the last input",
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
            : { y: this.#attended(block).y, weights: undefined };
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
        if (keyMask != null)
          checkMask(
            (keyMask.shape ?? []) as LayerShape,
            { B, Hq: 1, L, S: L },
            (rule) => {
              throw new AttentionError(
                "ATTN_SHAPE",
                who,
                `${rule}; got keyMask, expected keyMask [B, L] = [${B}, ${L}]`,
              );
            },
            2,
          );
        const out = this.#attended({
          ...this.#block(given),
          keyMask: keyMask ? tf.cast(keyMask, "bool") : undefined,
          state: state ?? undefined,
        });
        // An entry that came through unchanged must not go when the caller disposes of the old state.
        const old = new Set(Object.values(state ?? {}));
        const entries = Object.entries(out.state).map(([name, t]) => [name, old.has(t) ? tf.clone(t) : t]);
        return { y: this.#output(out.y, (y) => y), state: Object.fromEntries(entries) as State<Tensor> };
      });
    }

    /** The mask of the query is that of the output. */
    override computeMask(inputs: Tensor | Tensor[], masks?: Tensor | Tensor[]): Tensor | Tensor[] {
      const given = this.#inputs(inputs);
      const used = this.#used.get(given.query);
      // tf.layers also asks without knowing any mask.
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
      const add = (name: string, shape: number[], { initializer, regularizer, constraint }: WeightRule) =>
        this.addWeight(`${part}/${name}`, shape, "float32", initializer, regularizer, true, constraint);
      return { kernel: add("kernel", [n, m], kernel), bias: this.#setup.useBias ? add("bias", [m], bias) : undefined };
    }

    get #attend(): Attention<Tensor> {
      const { mechanism, useCausalMask, kernels } = this.#setup;
      this.#attention ??= attention(mechanism, backend, { causal: useCausalMask, kernels, lse: logarithms(mechanism) });
      return this.#attention;
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

    /** The parts of a list that `apply` has read, or of one that it has not. */
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
     * Where a mechanism works on logarithms, a row that sees nothing is -Infinity; projected, that would be NaN. Its
     * normaliser tells it: a row that sees NaN, or values of -Infinity, stays as it is.
     */
    #attended(block: Block<Tensor>): Result<Tensor> {
      const { y, lse, state } = this.#attend.sync(block);
      if (lse === undefined) return { y, state };
      const empty = o.reshape(tf.less(lse, tf.scalar(-3.4e38)), [...lse.shape, 1]);
      return { y: o.where(empty, 0, y), state };
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

/** tf.layers gives one shape, or a list of them. */
const shapesOf = (shape: LayerShape | LayerShape[]): { shape: LayerShape }[] =>
  (Array.isArray(shape[0]) ? (shape as LayerShape[]) : [shape as LayerShape]).map((one) => ({ shape: one }));

/** Returns true where y is a logarithm: a row that sees nothing is then -Infinity, and y is no plain average. (SEMANTICS S8) */
const logarithms = (mechanism: Mechanism): boolean =>
  mechanism.mergeOutputs !== undefined && mechanism.takes.lse === true;
