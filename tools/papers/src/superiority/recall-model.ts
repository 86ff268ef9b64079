import type { Mechanism } from "@attnkit/core";
import { knownAxisSize, type Ops } from "@attnkit/core/program";
import {
  dense,
  type ModelProgram,
  meanSquaredError,
  oneCycle,
  parametersOf,
  type TrainerOptions,
} from "@attnkit/train";
import { RECALL } from "./recall-data.ts";

const HEADS = 2;
/** Channels per head of q, k and v. */
const WIDTH = 16;

/** Training steps of one cell, and sequences per step. */
export const STEPS = 500;
export const BATCH = 64;

/**
 * One attention layer with queries of their own: learned projections of q and k with bias, of v and of the output without.
 * `scale` multiplies the first weights of q and k.
 */
export function recallModel(
  mechanism: Mechanism,
  scale: number,
  seed: number,
): TrainerOptions & { answer: ModelProgram } {
  const { d, dv } = RECALL;
  const inner = HEADS * WIDTH;
  const query = dense("query", { from: d, to: inner, deviation: scale / Math.sqrt(d) });
  const key = dense("key", { from: d, to: inner, deviation: scale / Math.sqrt(d) });
  const value = dense("value", { from: dv, to: inner, bias: false });
  const output = dense("output", { from: inner, to: dv, bias: false });
  const answer: ModelProgram = (o, w, { q, k, v }) => {
    const block = {
      q: heads(o, query.apply(o, w, q!)),
      k: heads(o, key.apply(o, w, k!)),
      v: heads(o, value.apply(o, w, v!)),
    };
    const { y } = mechanism.forward(o, block, { causal: false, lse: false, state: false });
    return { y: output.apply(o, w, joined(o, y)) };
  };
  return {
    parameters: parametersOf(query, key, value, output),
    answer,
    loss: (o, w, batch) => ({ loss: meanSquaredError(o, answer(o, w, batch).y!, batch.target!) }),
    schedule: oneCycle(5e-3, { steps: STEPS, rising: 0.1 }),
    seed,
    clip: 1,
  };
}

/** `[B, N, heads * WIDTH] -> [B, heads, N, WIDTH]` */
function heads<T>(o: Ops<T>, x: T): T {
  return o.transpose(o.reshape(x, [-1, knownAxisSize(o, x, -2), HEADS, WIDTH]), [0, 2, 1, 3]);
}

/** `[B, heads, N, WIDTH] -> [B, N, heads * WIDTH]` */
function joined<T>(o: Ops<T>, y: T): T {
  return o.reshape(o.transpose(y, [0, 2, 1, 3]), [-1, knownAxisSize(o, y, -2), HEADS * WIDTH]);
}
