import type { Block, Mechanism } from "@attnkit/core";
import { blockOfNames, namesOfBlock } from "@attnkit/core/backend";
import {
  checkCall,
  type EagerOps,
  foldQueryHeads,
  type How,
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
  o: EagerOps<Tensor>,
  block: Block<Tensor>,
  { mechanism, scores, how }: { readonly mechanism: Mechanism; readonly scores: Scores; readonly how: How },
  drop: (x: Tensor) => Tensor,
): { readonly y: Tensor; readonly weights: Tensor } {
  const shapes = Object.entries(namesOfBlock(block)).map(([name, x]) => [name, o.shape(x)] as const);
  checkCall(mechanism, how, blockOfNames(Object.fromEntries(shapes)));
  const weights = scores(o, block, { causal: how.causal, stage: "weights" }, mechanism.options);
  const v = replaceAbsent(o, presentKeys(o, block), block.v, 0);
  const [, Hq, L] = o.shape(block.q) as [number, number, number];
  const folded = o.matmul(foldQueryHeads(o, drop(weights), o.shape(v)[1] as number), v);
  return { y: unfoldQueryHeads(o, folded, Hq, L), weights };
}

/**
 * Returns whether y is a logarithm. Then a row that sees no keys is -Infinity, and y is no weighted average (SEMANTICS
 * S8).
 */
export const logarithms = (mechanism: Mechanism): boolean =>
  mechanism.mergeOutputs !== undefined && mechanism.takes.lse === true;
