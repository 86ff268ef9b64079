import type { Block, Mechanism } from "@attnkit/core";
import {
  checkCall,
  foldQueryHeads,
  type How,
  type Ops,
  presentKeys,
  replaceAbsent,
  unfoldQueryHeads,
} from "@attnkit/core/program";
import type { Tensor } from "../tf.ts";
import type { Scores } from "./types.ts";

/**
 * Computes attention through its matrix of weights `[B, Hq, L, S]`: `y = drop(weights) v`. It is used if the weights
 * are returned or dropped out. The returned weights are those before dropout.
 */
export function weighted(
  o: Ops<Tensor>,
  block: Block<Tensor>,
  { mechanism, scores, how }: { readonly mechanism: Mechanism; readonly scores: Scores; readonly how: How },
  drop: (x: Tensor) => Tensor,
): { readonly y: Tensor; readonly weights: Tensor } {
  const given = Object.entries(block).filter(([, x]) => x !== undefined);
  checkCall(mechanism, how, Object.fromEntries(given.map(([name, x]) => [name, o.shape(x)])));
  const weights = scores(o, block, { causal: how.causal, stage: "weights" }, mechanism.options);
  const v = replaceAbsent(o, presentKeys(o, block), block.v, 0);
  const [, Hq, L] = o.shape(block.q) as [number, number, number];
  const folded = o.matmul(foldQueryHeads(o, drop(weights), o.shape(v)[1] as number), v);
  return { y: unfoldQueryHeads(o, folded, Hq, L), weights };
}
