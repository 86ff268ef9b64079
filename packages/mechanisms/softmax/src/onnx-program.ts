import { AttentionError, type Block, type Shape, type Tensors } from "@attnkit/core";
import {
  arange,
  axisSize,
  blockShape,
  checkCall,
  type Dim,
  isKnown,
  isKnownShape,
  knownAxisSize,
  liftTensor,
  type Ops,
  pad,
  plusDim,
} from "@attnkit/core/program";
import { type SoftmaxOptions, type Stage, scores, softmax } from "./index.ts";

/** Inputs and outputs by the names that ONNX has for them. */
export type AttentionProgram = <T>(o: Ops<T>, x: Tensors<T>) => Tensors<T>;

/** The known properties of an `Attention` node. */
export interface Node {
  readonly options: SoftmaxOptions;
  readonly causal: boolean;
  /** 0 where the attribute is absent. */
  readonly heads: { readonly q: number; readonly kv: number };
  readonly mask: "boolean" | "float";
  readonly opset: number;
  /** The stage that the fourth output returns, if the node has it. */
  readonly shown?: Stage;
}

const INPUTS = ["Q", "K", "V", "attn_mask", "past_key", "past_value", "nonpad_kv_seqlen"];
const WHO = "Attention";

export function attentionProgram(node: Node): AttentionProgram {
  return (o, x) => {
    checkInputs(o, node, x);
    const packed = o.shape(x.Q!).length === 3;
    const [q, k, v] = [
      unpacked(o, x.Q!, node.heads.q),
      unpacked(o, x.K!, node.heads.kv),
      unpacked(o, x.V!, node.heads.kv),
    ];
    const state = x.past_key === undefined ? undefined : { k: x.past_key, v: x.past_value! };
    const total = plusDim(axisSize(o, k, 2), state ? axisSize(o, state.k, 2) : 0);
    const mask = x.attn_mask === undefined ? undefined : lengthened(o, x.attn_mask, total, node.mask);
    const given: Partial<Block<typeof q>> =
      mask === undefined ? {} : node.mask === "boolean" ? { mask } : { bias: mask };
    const padded = x.nonpad_kv_seqlen === undefined ? undefined : frontier(o, node, { q, k }, x.nonpad_kv_seqlen);
    const block: Block<typeof q> = { q, k, v, state, ...given, ...padded?.block(given.mask) };
    const { causal, options } = padded ?? node;
    const mechanism = softmax(options);
    const pairs = { mask: block.mask, bias: block.bias };
    const shapes = shapesOf(o, { q, k, v, ...pairs, "state.k": state?.k, "state.v": state?.v });
    if (shapes !== undefined) checkCall(mechanism, { causal, lse: false }, blockOf(shapes));
    const lifted = {
      ...block,
      mask: block.mask && liftTensor(o, block.mask),
      bias: block.bias && liftTensor(o, block.bias),
    };
    const { y } = mechanism.forward(o, lifted, { causal, lse: false });
    const joined = (past: typeof q | undefined, own: typeof q) => (past === undefined ? own : o.concat([past, own], 2));
    return {
      Y: packed ? repacked(o, y) : y,
      present_key: joined(x.past_key, k),
      present_value: joined(x.past_value, v),
      ...(node.shown && { qk_matmul_output: shown(o, node, lifted, { causal, options }) }),
    };
  };
}

/** Before masks and bias the operator shows every product, those of keys that are only padding too. */
function shown<T>(
  o: Ops<T>,
  { shown: stage }: Node,
  { q, k, v, state, ...masks }: Block<T>,
  { causal, options }: Pick<Node, "causal" | "options">,
): T {
  const raw = stage === "scaled" || stage === "capped";
  return scores(o, { q, k, v, state, ...(!raw && masks) }, { causal, stage: stage! }, options);
}

/**
 * A cache of fixed size of which batch entry b holds `n[b]` keys, the block's own being the last L of them: query i stands
 * at position `n[b] - L + i`. As masks, because the diagonal differs from entry to entry.
 */
function frontier<T>(o: Ops<T>, { causal, options }: Node, { q, k }: { q: T; k: T }, counts: T) {
  const [L, S] = [knownAxisSize(o, q, 2), knownAxisSize(o, k, 2)];
  const [left = -1, right = -1] = (options.window ?? []) as readonly number[];
  const n = o.reshape(counts, [o.shape(counts)[0]!, 1, 1, 1]);
  const key = arange(o, S); // [S]
  const own = o.add(n, o.reshape(arange(o, L, -L), [1, 1, L, 1])); // [B, 1, L, 1]
  const conditions = [
    ...(causal ? [o.sub(own, key)] : []),
    ...(right >= 0 ? [o.add(o.sub(own, key), right)] : []),
    ...(left >= 0 ? [o.add(o.sub(key, own), left)] : []),
  ].map((distance) => o.maximum(o.add(distance, 1), 0)); // whole numbers: not 0 from distance 0 on
  const { window: _, ...rest } = options;
  return {
    causal: false,
    options: rest,
    block(mask: T | undefined): Partial<Block<T>> {
      const all = [...conditions, ...(mask === undefined ? [] : [mask])];
      const keyMask = o.maximum(o.sub(o.reshape(counts, [o.shape(counts)[0]!, 1]), key), 0); // [B, S]
      if (all.length === 0) return { keyMask };
      return { keyMask, mask: all.slice(1).reduce((seen, c) => o.where(c, seen, 0), all[0]!) };
    },
  };
}

/** A mask that ends early lets nobody attend to the rest. */
function lengthened<T>(o: Ops<T>, mask: T, total: Dim, type: Node["mask"]): T {
  const given = axisSize(o, mask, -1);
  if (!isKnown(total) || !isKnown(given) || given >= total) return mask;
  const missing = total - given;
  const axis = o.shape(mask).length - 1;
  return type === "float"
    ? pad(o, mask, axis, 0, missing, Number.NEGATIVE_INFINITY)
    : pad(o, o.where(mask, 1, 0), axis, 0, missing);
}

/** `[B, L, H * d] -> [B, H, L, d]`; rank 4 as it is. */
function unpacked<T>(o: Ops<T>, x: T, heads: number): T {
  if (o.shape(x).length === 4) return x;
  const [B, L] = o.shape(x) as [Dim, Dim];
  const width = knownAxisSize(o, x, 2);
  return o.transpose(o.reshape(x, [B, L, heads, width / heads]), [0, 2, 1, 3]);
}

/** `[B, H, L, dv] -> [B, L, H * dv]` */
function repacked<T>(o: Ops<T>, y: T): T {
  const [B, H, L, dv] = blockShape(o, y);
  return o.reshape(o.transpose(y, [0, 2, 1, 3]), [B, L, H * dv]);
}

/** The shapes of the tensors that are there; nothing where a size is symbolic. */
function shapesOf<T>(o: Ops<T>, x: Readonly<Record<string, T | undefined>>): Record<string, Shape> | undefined {
  const shapes: Record<string, Shape> = {};
  for (const [name, t] of Object.entries(x)) {
    if (t === undefined) continue;
    const shape = o.shape(t);
    if (!isKnownShape(shape)) return undefined;
    shapes[name] = shape;
  }
  return shapes;
}

const blockOf = ({ "state.k": k, "state.v": v, ...own }: Record<string, Shape>): Block<Shape> => ({
  ...(own as unknown as Block<Shape>),
  state: k && v && { k, v },
});

/** Checks the rules that the operator has for its inputs and softmax does not have. */
function checkInputs<T>(o: Ops<T>, { heads, opset }: Node, x: Tensors<T>): void {
  const fail = (code: "ATTN_SHAPE" | "ATTN_OPTION", rule: string): never => {
    const got = Object.entries(x).map(([name, t]) => `${name} [${o.shape(t).join(", ")}]`);
    throw new AttentionError(code, WHO, `${rule}; got ${got.join(", ")}`);
  };
  for (const name of ["Q", "K", "V"]) if (x[name] === undefined) fail("ATTN_SHAPE", `input ${name} is missing`);
  for (const name of Object.keys(x)) if (!INPUTS.includes(name)) fail("ATTN_OPTION", `there is no input ${name}`);
  const ranks = ["Q", "K", "V"].map((name) => o.shape(x[name]!).length);
  if (!ranks.every((r) => r === ranks[0]) || (ranks[0] !== 3 && ranks[0] !== 4))
    fail("ATTN_SHAPE", `Q, K and V have rank ${ranks.join(", ")}; expected 3 or 4, and the same`);
  const sizes = { Q: heads.q, K: heads.kv, V: heads.kv };
  for (const [name, n] of Object.entries(sizes)) {
    const shape = o.shape(x[name]!);
    if (ranks[0] === 3 && n === 0) fail("ATTN_OPTION", "rank 3 needs q_num_heads and kv_num_heads");
    if (ranks[0] === 3 && knownAxisSize(o, x[name]!, 2) % n !== 0)
      fail("ATTN_SHAPE", `${name} packs ${shape[2]} channels for ${n} heads`);
    if (ranks[0] === 4 && n > 0 && shape[1] !== n)
      fail("ATTN_SHAPE", `${name} has ${shape[1]} heads, its attribute says ${n}`);
  }
  if (x.attn_mask !== undefined && o.shape(x.attn_mask).length === 0) fail("ATTN_SHAPE", "attn_mask is a scalar");
  if ((x.past_key === undefined) !== (x.past_value === undefined))
    fail("ATTN_OPTION", "past_key and past_value go together");
  if (x.nonpad_kv_seqlen === undefined) return;
  if (opset < 24) fail("ATTN_OPTION", `nonpad_kv_seqlen is of opset 24, this is ${opset}`);
  if (x.past_key !== undefined)
    fail("ATTN_OPTION", "nonpad_kv_seqlen says how much of K is valid, so there is no past_key beside it");
  const shape = o.shape(x.nonpad_kv_seqlen);
  if (shape.length !== 1 || shape[0] !== o.shape(x.Q!)[0]) fail("ATTN_SHAPE", "nonpad_kv_seqlen is not [B]");
}
