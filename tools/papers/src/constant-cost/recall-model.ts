import type { Mechanism } from "@attnkit/core";
import type { Ops } from "@attnkit/core/program";
import { normals, uniforms } from "@attnkit/measure/random";
import { type Batch, dense, type ModelProgram, meanSquaredError, parametersOf, type Trained } from "@attnkit/train";

export const PAIRS = 32;
export const QUERIES = 4;
export const KEY = 16;
export const VALUE = 8;
export const HEADS = 2;
const HEAD = 16;

/** One attention layer that reads values by their keys. */
export interface RecallModel extends Trained {
  /** `keys [B, PAIRS, KEY]`, `values [B, PAIRS, VALUE]`, `queries [B, QUERIES, KEY]` to `y [B, QUERIES, VALUE]`. */
  readonly answer: ModelProgram;
}

/** Makes the layer, without residual connection, so that every answer goes through attention. `start`: scale of q and k. */
export function recallModel(mechanism: Mechanism, start: number): RecallModel {
  const inner = HEADS * HEAD;
  const scaled = { from: KEY, to: inner, deviation: start / Math.sqrt(KEY) };
  const [query, key] = [dense("query", scaled), dense("key", scaled)];
  const [value, output] = [dense("value", { from: VALUE, to: inner }), dense("output", { from: inner, to: VALUE })];
  const heads = <T>(o: Ops<T>, x: T, n: number) => o.transpose(o.reshape(x, [-1, n, HEADS, HEAD]), [0, 2, 1, 3]);
  const answer: ModelProgram = (o, w, { keys, values, queries }) => {
    const block = {
      q: heads(o, query.apply(o, w, queries!), QUERIES),
      k: heads(o, key.apply(o, w, keys!), PAIRS),
      v: heads(o, value.apply(o, w, values!), PAIRS),
    };
    const { y } = mechanism.forward(o, block, { causal: false, lse: false, state: false });
    return { y: output.apply(o, w, o.reshape(o.transpose(y, [0, 2, 1, 3]), [-1, QUERIES, inner])) };
  };
  return {
    parameters: parametersOf(query, key, value, output),
    answer,
    loss: (o, w, batch) => ({ loss: meanSquaredError(o, answer(o, w, batch).y!, batch.targets!) }),
  };
}

/** Sequences of pairs, and queries that are copies of keys. */
export interface Recall {
  readonly batch: Batch;
  /** Pair of each query, `[B, QUERIES]`. */
  readonly pairs: readonly number[];
}

/** Draws keys uniformly on the sphere of radius sqrt(KEY) and standard normal values. */
export function drawRecall(seed: number, rows: number): Recall {
  const [normal, uniform] = [normals(seed), uniforms(seed + 1)];
  const unscaled = Array.from({ length: rows * PAIRS }, () => Array.from({ length: KEY }, normal));
  const keyRows = unscaled.map((key) => key.map((x) => (x * Math.sqrt(KEY)) / Math.hypot(...key)));
  const valueRows = Array.from({ length: rows * PAIRS }, () => Array.from({ length: VALUE }, normal));
  const pairs = Array.from({ length: rows * QUERIES }, () => Math.floor(uniform() * PAIRS));
  const picked = (from: readonly number[][]) =>
    pairs.flatMap((pair, i) => from[Math.floor(i / QUERIES) * PAIRS + pair]!);
  const tensor = (x: readonly number[], n: number, width: number) => ({
    data: Float32Array.from(x),
    shape: [rows, n, width],
  });
  return {
    pairs,
    batch: {
      keys: tensor(keyRows.flat(), PAIRS, KEY),
      values: tensor(valueRows.flat(), PAIRS, VALUE),
      queries: tensor(picked(keyRows), QUERIES, KEY),
      targets: tensor(picked(valueRows), QUERIES, VALUE),
    },
  };
}
