/**
 * Computes the result that a layer must give, in float64: its projections as sums, and the mechanism's reference per
 * head.
 */

import { mechanisms } from "@attnkit/catalog";
import type { Matrix, Reference } from "@attnkit/core/program";
import { attentionLayers, type Scores } from "@attnkit/tfjs/layers";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";

type Cube = readonly Matrix[];

/** Every mechanism of the catalog by its name; softmax with its weights. */
export const given = (scores?: Scores) => ({
  tf,
  layers: tfl.layers,
  mechanisms: Object.fromEntries(
    mechanisms.map(({ name, create }) => [name, name === "softmax" && scores ? { create, scores } : create]),
  ),
});

export const kit: ReturnType<typeof attentionLayers> = attentionLayers(given());

/** `[B][n][m]` of numbers that repeat nowhere, within -1 and 1. */
export const wave = (B: number, n: number, m: number, phase: number): number[][][] =>
  Array.from({ length: B }, (_, b) =>
    Array.from({ length: n }, (_, i) =>
      Array.from({ length: m }, (_, c) => Math.fround(Math.sin(phase + 3.7 * b + 1.3 * i + 2.9 * c + i * c))),
    ),
  );

export const numbers = async (x: tf.Tensor): Promise<number[]> => [...(await x.data())];

export interface Expectation {
  readonly reference: Reference;
  readonly numHeads: number;
  readonly numKvHeads: number;
  /** Kernels and biases of query, key, value, output, in this order, as `layer.getWeights()` gives them. */
  readonly weights: readonly tf.Tensor[];
  readonly query: Cube;
  readonly value: Cube;
  readonly key: Cube;
  visible(b: number, i: number, j: number): boolean;
}

/** `[B][L][channels]`, flat. */
export async function expected(e: Expectation): Promise<number[]> {
  const [wq, bq, wk, bk, wv, bv, wo, bo] = (await Promise.all(e.weights.map((w) => w.array()))) as never[];
  const affine = (x: Matrix, w: Matrix, b: readonly number[]): number[][] =>
    x.map((row) => b.map((start, c) => row.reduce((sum, a, i) => sum + a * w[i]![c]!, start)));
  const head = (x: Matrix, h: number, heads: number) => {
    const width = x[0]!.length / heads;
    return x.map((row) => row.slice(h * width, (h + 1) * width));
  };
  const out = e.query.map((query, b) => {
    const [q, k, v] = [affine(query, wq!, bq!), affine(e.key[b]!, wk!, bk!), affine(e.value[b]!, wv!, bv!)];
    const heads = Array.from({ length: e.numHeads }, (_, h) => {
      const kv = Math.floor(h / (e.numHeads / e.numKvHeads));
      return e
        .reference({
          q: head(q, h, e.numHeads),
          k: head(k, kv, e.numKvHeads),
          v: head(v, kv, e.numKvHeads),
          visible: (i, j) => e.visible(b, i, j),
          bias: () => 0,
          position: (i) => i,
          // A row without keys is 0, also where the mechanism works on logarithms.
        })
        .y.map((row) => row.map((x) => (x === Number.NEGATIVE_INFINITY ? 0 : x)));
    });
    return affine(
      query.map((_, i) => heads.flatMap((y) => y[i]!)),
      wo!,
      bo!,
    );
  });
  return out.flat(2);
}

/** The largest difference, in units of the largest expected number; NaN where either is. */
export function worst(got: readonly number[], want: readonly number[]): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  const size = Math.max(1, ...want.map(Math.abs));
  return Math.max(0, ...got.map((x, i) => Math.abs(x - want[i]!))) / size;
}
