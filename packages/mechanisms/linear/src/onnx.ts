import type { Block, Mechanism, Result } from "@attnkit/core";
import {
  alignPositions,
  blockShape,
  type Call,
  chunkGranularity,
  chunkSizeAtMost,
  chunkSizeForFeatures,
  type Dim,
  divideOrZero,
  everyRowSeesAllKeys,
  type How,
  headGroupSize,
  joinChunks,
  knownAxisSize,
  logOrMinusInfinity,
  minusDim,
  presentKeys,
  replaceAbsent,
  splitIntoChunks,
  splitQueriesIntoChunks,
  transposeLast,
  zerosWithSize,
} from "@attnkit/core/program";
import { type Fused, type Nodes, type Value, withFused } from "@attnkit/onnx";
import { type LinearOptions, linearOptions, mapOf, linear as portable } from "./index.ts";

export { type FeatureMap, type FeatureMapName, featureMaps, type LinearOptions } from "./index.ts";

/**
 * Linear attention with nodes for ONNX Runtime's CPU providers: causal prefill with `Trilu` and exclusive `CumSum`, and
 * the denominators beside the products instead of in a further column, so that matrices keep widths that are multiples
 * of a register's. Throws what `linear` throws.
 */
export function linear(options: LinearOptions = {}): Mechanism<"linear"> {
  return withFused(portable(options), chunks(options));
}

const chunks = (options: LinearOptions): Fused => ({
  name: "linear-chunks",
  providers: ["cpu", "wasm"],
  accepts,
  granularity: ({ dims: { L, d } }) =>
    chunkGranularity(chunkSizeForFeatures(mapOf(linearOptions.resolve(options).featureMap).size(d)), L),
  forward: (o, block, how) => forward(o, block, how, options),
});

function accepts({ causal, dims: { B, Hq, L, S } }: Call): true | string {
  if (B * Hq * L * S === 0) return "an axis of size 0";
  if (everyRowSeesAllKeys(L, S, causal)) return "every query sees every key: the portable program is as short";
  if (L !== S) return `causal with ${L} queries and ${S} keys`;
  return true;
}

function forward(
  o: Nodes,
  block: Block<Value>,
  { causal, lse, state: kept }: How,
  options: LinearOptions,
): Result<Value> {
  const { featureMap, normalize, scale } = linearOptions.resolve(options);
  const phi = mapOf(featureMap);
  const { q, state } = block;
  const [b, hkv, L] = blockShape(o, block.k);
  const G = headGroupSize(knownAxisSize(o, q, 1), hkv);
  const at = alignPositions(L, L, causal);
  const present = presentKeys(o, block);
  const [k, v] = [replaceAbsent(o, present, block.k, 0), replaceAbsent(o, present, block.v, 0)];
  const [phiQ, phiK] = [phi.map(o, q), replaceAbsent(o, present, phi.map(o, k), 0)];
  const [r, e] = [knownAxisSize(o, phiK, -1), knownAxisSize(o, v, -1)];
  const size = chunkSizeAtMost(chunkSizeForFeatures(r), L);
  const rows = (x: Value) => splitQueriesIntoChunks(o, x, hkv, at, size);
  const keys = (x: Value) => splitIntoChunks(o, x, 0, L, size);
  const [queries, features, values] = [rows(phiQ), keys(phiK), keys(v)];
  const [N, n] = o.shape(features) as [Dim, Dim];

  /** Returns 1 for the keys of a chunk that are present, else 0: `[N, n, 1, size]`. */
  const there = () =>
    present && transposeLast(o, keys(replaceAbsent(o, present, o.add(zerosWithSize(o, k, -1, 1), 1), 0)));
  const pairs = phi.weights
    ? replaceAbsent(o, there(), phi.weights(o, rows(q), keys(k)), 0)
    : o.matmul(queries, transposeLast(o, features));
  const square = o.reshape(pairs, [N, n, G, size, size]);
  const weights = o.reshape(o.node("Trilu", [square], square.shape, { upper: 0 }), [N, n, G * size, size]);

  /** Returns the sums before each chunk, and the sum after the last one, from the sums of each chunk. */
  const running = (totals: Value, start: Value | undefined) => {
    const before = n === 1 ? undefined : o.node("CumSum", [totals, { int: 1 }], totals.shape, { exclusive: 1 });
    const found = before === undefined ? start : start === undefined ? before : o.add(before, start);
    const last = o.slice(totals, 1, minusDim(n, 1), n);
    return {
      found,
      left: found === undefined ? last : o.add(n === 1 ? found : o.slice(found, 1, minusDim(n, 1), n), last),
    };
  };
  const back = (x: Value) => joinChunks(o, x, q, at, size);
  /** Rows as q has them, before the last operation: what is only reshaped at the end is copied. */
  const plus = (own: Value, past: Value | undefined) => {
    if (past === undefined) return back(own);
    const earlier = o.matmul(queries, past);
    return G === 1 ? o.add(back(own), back(earlier)) : back(o.add(own, earlier));
  };
  const first = (x: Value | undefined) => x && o.reshape(x, [N, 1, ...o.shape(x).slice(2)]);

  const s = running(o.matmul(transposeLast(o, features), values), first(state?.s)); // [N, n, r, dv]
  const sums = plus(o.matmul(weights, values), s.found);
  const left = { s: o.reshape(s.left, [b, hkv, r, e]) };
  if (!normalize) return { y: scale === 1 ? sums : o.mul(sums, scale), state: kept === false ? {} : left };
  const column = o.reshape(o.sum(features, -2), [N, n, r, 1]);
  const z = running(column, first(state?.z));
  const denominators = plus(o.sum(weights, -1), z.found);
  const logs = () => logOrMinusInfinity(o, scale === 1 ? denominators : o.mul(denominators, scale));
  return {
    y: divideOrZero(o, sums, denominators),
    state: kept === false ? {} : { ...left, z: o.reshape(z.left, [b, hkv, r, 1]) },
    ...(lse && { lse: o.reshape(logs(), o.shape(q).slice(0, 3)) }),
  };
}
