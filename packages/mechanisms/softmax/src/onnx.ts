import type { Block, Mechanism, Result } from "@attnkit/core";
import {
  axisSize,
  blockShape,
  type Call,
  clip,
  everyRowSeesAllKeys,
  foldQueryHeads,
  type How,
  knownAxisSize,
  lowestFinite,
  requireKnown,
  transposeLast,
  tril,
  unfoldQueryHeads,
} from "@attnkit/core/program";
import { type Fused, type Nodes, type Value, withFused } from "@attnkit/onnx";
import { softmax as portable, type SoftmaxOptions } from "./index.ts";
import { limitOf } from "./limits.ts";

export type { SoftmaxOptions } from "./index.ts";

/** Fewest query rows of a block, and most blocks: more of either costs more in nodes than it saves in scores. */
const ROWS = 128;
const BLOCKS = 16;

/**
 * Softmax attention with nodes for ONNX Runtime's CPU providers: ONNX `Softmax`, and causal queries in blocks of rows
 * that meet only the keys up to their own. That leaves out nearly half of the scores, which ONNX Runtime's own attention
 * operators compute and mask (docs/decisions/0011-onnx-fused-nodes.md). Throws what `softmax` throws.
 */
export function softmax(options: SoftmaxOptions = {}): Mechanism<"softmax"> {
  return withFused(portable(options), blocked(options));
}

const blocked = (options: SoftmaxOptions): Fused => ({
  name: "softmax-blocks",
  providers: ["cpu", "wasm"],
  accepts,
  // Causal queries are cut into blocks by their number.
  granularity: ({ causal }) => (causal ? undefined : 1),
  forward: (o, block, how) => forward(o, block, how, options),
});

function accepts({ causal, options, shapes, dims: { B, Hq, L, S } }: Call): true | string {
  const { keyMask, mask, bias, state } = shapes;
  const [masked] = Object.entries({ keyMask, mask, bias, "state.keep": state?.keep }).find(([, x]) => x) ?? [];
  if (masked) return `${masked}: a row without keys has no softmax, and a masked value could leak`;
  if (options.window !== undefined) return "window: rows may be left without keys";
  if (B * Hq * L * S === 0) return "an axis of size 0";
  if (!everyRowSeesAllKeys(L, S, causal) && L > S)
    return `causal with ${L} queries and ${S} keys: blocks of rows end with a key of their own`;
  return true;
}

function forward(
  o: Nodes,
  block: Block<Value>,
  { causal, lse, state: kept }: How,
  options: SoftmaxOptions,
): Result<Value> {
  const [, hq, tokens, d] = blockShape(o, block.q);
  const [, hkv, keys] = blockShape(o, block.k);
  const { scale = 1 / Math.sqrt(d), softcap } = options;
  const limit = limitOf(o.dtype, d, scale);
  const past = block.state;
  const join = (a: Value | undefined, b: Value) => (a === undefined ? b : o.concat([a, b], 2));
  const q = clip(o, block.q, limit);
  const limited = (k: Value | undefined) => k && clip(o, k, limit);
  const [ownK, pastK] = [limited(block.k)!, limited(past?.k)];
  const v = join(past?.v, block.v);
  const state: Record<string, Value> = kept === false ? {} : { k: join(past?.k, block.k), v };

  const scores = (rows: Value, k: Value) => {
    const [, , n] = blockShape(o, rows);
    // Scaled right before the product: ONNX Runtime makes one node of both.
    const scaled = o.mul(foldQueryHeads(o, rows, hkv), scale);
    const s = unfoldQueryHeads(o, o.matmul(scaled, transposeLast(o, k)), hq, n);
    return softcap === undefined ? s : o.mul(o.tanh(o.mul(s, 1 / softcap)), softcap);
  };
  const logs: Value[] = [];
  const average = (s: Value, v: Value) => {
    const n = axisSize(o, s, 2);
    const weights = o.node("Softmax", [s], s.shape, { axis: -1 });
    if (lse) logs.push(o.node("ReduceLogSumExp", [s, { ints: [-1] }], [...s.shape.slice(0, 3), 1], { keepdims: 1 }));
    return unfoldQueryHeads(o, o.matmul(foldQueryHeads(o, weights, hkv), v), hq, n);
  };
  const done = (y: Value) => ({
    ...{ y, state },
    ...(lse && { lse: o.reshape(o.concat(logs, 2), o.shape(block.q).slice(0, 3)) }),
  });
  if (everyRowSeesAllKeys(tokens, keys, causal)) return done(average(scores(q, join(pastK, ownK)), v));

  const [L, S] = [requireKnown("softmax-blocks", tokens), requireKnown("softmax-blocks", keys)];
  // Row i sees keys 0..first + i of its block; L <= S. (SEMANTICS S3)
  const first = causal === "end" ? S - L : 0;
  const n = Math.max(ROWS, Math.ceil(L / BLOCKS));
  const parts: Value[] = [];
  for (let from = 0; from < L; from += n) {
    const to = Math.min(L, from + n);
    const rows = o.slice(q, 2, from, to);
    const own = unseen(o, scores(rows, o.slice(ownK, 2, first + from, first + to)));
    const before = first + from === 0 ? pastK : join(pastK, o.slice(ownK, 2, 0, first + from));
    const s = before === undefined ? own : o.concat([scores(rows, before), own], 3);
    parts.push(average(s, join(past?.v, o.slice(block.v, 2, 0, first + to))));
  }
  return done(o.concat(parts, 2));
}

/** Scores of later keys made too low to count: cleared first, so that not even NaN is left, for `Where` takes longer. */
function unseen(o: Nodes, s: Value): Value {
  const n = knownAxisSize(o, s, 3);
  const above = o.mul(o.sub(1, tril(o, n)), lowestFinite(o));
  return o.add(o.node("Trilu", [s], s.shape, { upper: 0 }), above);
}
