import { attention, type State } from "@attnkit/core";
import { type CpuBackend, cpu, type NdArray } from "@attnkit/cpu";
import { normals } from "@attnkit/measure/random";
import type { Contender } from "./contenders.ts";

/** Channels of q, k and v of the one head. */
export const WIDTH = 16;

/** Tokens of the pool. Longer sequences repeat it: time and bytes do not depend on the values. */
const POOL = 4096;

/** Row-major `[n, WIDTH]`, float32. */
export interface Tokens {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/** Draws tokens with standard normal channels. */
export function drawTokens(seed: number, n: number): Tokens {
  const normal = normals(seed);
  const rows = () => Float32Array.from({ length: n * WIDTH }, normal);
  return { q: rows(), k: rows(), v: rows() };
}

/** One head that decodes on the cpu backend in float32. */
export interface Stream {
  /** One token. The state is not modified. */
  step(at: number, state: State<NdArray>): { readonly y: NdArray; readonly state: State<NdArray> };
  /** Returns the states after so many tokens each. */
  states(contexts: readonly number[]): Promise<State<NdArray>[]>;
  /** Tokens `from` to `to` of the endless sequence. */
  tokens(from: number, to: number): Tokens;
}

/**
 * Makes a stream of tokens from a seed. A state of constant size comes from prefills of the pool and of the rest, which
 * are merged: `merge(state(A), state(B)) = state(A then B)` (semantics S11), by doubling. A cache of keys and values is
 * uploaded, because a prefill that copies the cache with every block costs O(T^2); a state may be uploaded (S11), and the
 * first context is reached both ways and compared.
 *
 * @throws Error if the uploaded cache decodes another output than the cache of a prefill.
 */
export function stream({ about, options, cache }: Contender, seed: number): Stream {
  const backend: CpuBackend<"float32"> = cpu();
  const mechanism = about.create(options);
  const attend = attention(mechanism, backend, { causal: true });
  const absorb = attention(mechanism, backend);
  const pool = drawTokens(seed, POOL);
  const tokens = (from: number, to: number): Tokens => ({
    q: repeated(pool.q, from, to),
    k: repeated(pool.k, from, to),
    v: repeated(pool.v, from, to),
  });
  const up = (x: Float32Array) => backend.upload(x, [x.length / WIDTH, WIDTH]);
  const step = (at: number, state: State<NdArray>) => {
    const { q, k, v } = tokens(at, at + 1);
    return attend.sync({ q: up(q), k: up(k), v: up(v), state });
  };
  const prefill = (from: number, to: number): State<NdArray> => {
    const { q, k, v } = tokens(from, to);
    return absorb.sync({ q: up(q.subarray(0, WIDTH)), k: up(k), v: up(v) }).state;
  };
  const folded = async (context: number): Promise<State<NdArray>> => {
    const blocks = Math.floor(context / POOL);
    const rest = context % POOL;
    const parts = rest > 0 || blocks === 0 ? [prefill(blocks * POOL, context)] : [];
    for (let power = prefill(0, POOL), n = blocks; n > 0; n = Math.floor(n / 2)) {
      if (n % 2 === 1) parts.push(power);
      power = await absorb.merge(power, power);
    }
    return parts.reduceRight(async (a, b) => absorb.merge(await a, b), Promise.resolve(parts.pop()!));
  };
  const uploaded = (context: number): State<NdArray> => {
    const { k, v } = tokens(0, context);
    return { k: up4(backend, k), v: up4(backend, v) };
  };
  return {
    step,
    tokens,
    async states(contexts) {
      if (!cache) return Promise.all(contexts.map(folded));
      const first = contexts[0]!;
      sameOutput(about.name, step(first, uploaded(first)).y, step(first, prefill(0, first)).y);
      return contexts.map(uploaded);
    },
  };
}

/** Returns rows `from` to `to` of a sequence that repeats `pool`. */
function repeated(pool: Float32Array, from: number, to: number): Float32Array {
  const out = new Float32Array((to - from) * WIDTH);
  for (let at = from; at < to; ) {
    const start = at % POOL;
    const count = Math.min(to - at, POOL - start);
    out.set(pool.subarray(start * WIDTH, (start + count) * WIDTH), (at - from) * WIDTH);
    at += count;
  }
  return out;
}

/** States have rank 4: `[B, Hkv, P, d]`. */
const up4 = (backend: CpuBackend<"float32">, x: Float32Array): NdArray =>
  backend.upload(x, [1, 1, x.length / WIDTH, WIDTH]);

function sameOutput(name: string, a: NdArray, b: NdArray): void {
  const at = a.data.findIndex((x, i) => x !== b.data[i]);
  if (at < 0) return;
  throw new Error(`${name}: channel ${at} is ${a.data[at]} from an uploaded cache and ${b.data[at]} from a prefill`);
}
