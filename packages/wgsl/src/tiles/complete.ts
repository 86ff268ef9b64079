import type { Tensors } from "@attnkit/core";
import type { Dispatch } from "../dispatch.ts";
import type { Host } from "../host.ts";
import { CACHED, type Pairs, rowOf, sizesOf } from "./pairs.ts";
import { quads } from "./tile.ts";

/** The part of a dispatch that applies `ownMask` to a cache that was read before. */
export interface Completion<T> extends Required<Pick<Dispatch<T>, "inputs" | "outputs" | "sizes" | "stored">> {
  /** WGSL statements. Threads `at < p.cells` write four channels of a key each; others do nothing. */
  readonly code: string;
  readonly cells: number;
}

/**
 * Returns the statements that write zeros for own keys and values that `ownMask` removes, and the own entries of keep. They
 * join a dispatch after the one that reads the cache, so that the mask takes no dispatch of its own.
 */
export function completion<T>(host: Host<T>, pairs: Pairs<T>): Completion<T> {
  const { ownMask, k, v, keep } = pairs.tensors as Tensors<T>;
  const { B, Hkv, S, d, dv } = pairs.dims;
  const cells = B * Hkv * S * quads(Math.max(d, dv));
  const { rows: _, ...sizes } = sizesOf(host, pairs).sizes!;
  const clear = (tensor: "k" | "v", channels: number) => `
      for (var c = first; c < min(first + 4u, ${channels}u); c++) { ${tensor}_put((${rowOf(tensor, "key")}) * ${channels}u + c, 0.0); }`;
  return {
    ...{ inputs: { ownMask: ownMask! }, outputs: { k: k!, v: v!, keep: keep! }, stored: CACHED, cells },
    sizes: { ...sizes, cells },
    code: `
  if (at < p.cells) {
    let first = at % ${quads(Math.max(d, dv))}u * 4u;
    let head = at / ${quads(Math.max(d, dv))}u % p.heads;
    let own = at / ${quads(Math.max(d, dv))}u / p.heads;
    let key = p.past + own;
    let batch = head / p.perBatch;
    let present = ownMask_true(batch * (p.T - p.past) + own);
    if (!present) {${clear("k", d)}${clear("v", dv)}
    }
    if (first == 0u && head % p.perBatch == 0u) { keep_put(batch * p.keep_batch + key * p.keep_item, select(0.0, 1.0, present)); }
  }`,
  };
}
