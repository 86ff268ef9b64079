import type { Options, Shape } from "@attnkit/core";
import { elementCount } from "@attnkit/core/backend";
import type { Array as JaxArray } from "@jax-js/jax";
import type { Baseline, BaselineEntry, BaselineSizes } from "./baseline.ts";

type Jax = typeof import("@jax-js/jax");

/**
 * Baselines in jax-js (`@jax-js/jax`), which compiles array expressions to WebAssembly. They stand beside tfjs on
 * WebAssembly, because both are frameworks with kernels in WebAssembly on one thread.
 *
 * Limits of version 0.1.25 in Node: only its `cpu` and `wasm` backends exist there (`cpu` is an interpreter for tests),
 * and WebAssembly runs on one thread, because Node has no global `Worker`. `init()` without a name throws in Node 20,
 * where `navigator` is missing. `nn.dotProductAttention` needs the iterator helpers of Node 22, so attention is composed
 * of two products and a softmax, compiled as one function by `jit`. A new length compiles again. It has no operator that
 * skips invisible keys: the whole score matrix is computed.
 */
export const jaxBaselines: readonly BaselineEntry[] = [
  { name: "jax-js softmax", computes: { mechanism: "softmax", options: {} }, program: softmax },
  { name: "jax-js linear", computes: { mechanism: "linear", options: {} }, beside: ["linear"], program: linear },
].map(({ program, ...entry }) => ({
  ...entry,
  backend: "tfjs-wasm",
  create: (sizes: BaselineSizes) => baseline(program, sizes),
})) satisfies readonly (BaselineEntry & { readonly computes: { readonly options: Options } })[];

/** Attention of q, k and v with equal heads. `seen` is `[L, L]`, 1 for the keys that a query may see and 0 otherwise. */
type JaxProgram = (jax: Jax, sizes: BaselineSizes, x: Record<"q" | "k" | "v" | "seen", JaxArray>) => JaxArray;

function softmax({ numpy: np, nn }: Jax, { d }: BaselineSizes, x: Parameters<JaxProgram>[2]): JaxArray {
  const scores = np.matmul(x.q, np.swapaxes(x.k, -1, -2)).mul(1 / Math.sqrt(d));
  return np.matmul(nn.softmax(scores.add(x.seen.sub(1).mul(1e9)), -1), x.v);
}

function linear({ numpy: np, nn }: Jax, _: BaselineSizes, x: Parameters<JaxProgram>[2]): JaxArray {
  const phi = (t: JaxArray) => nn.elu(t).add(1);
  const weights = np.matmul(phi(x.q), np.swapaxes(phi(x.k), -1, -2)).mul(x.seen);
  // An array is freed by the operation that takes it; `ref` keeps it for one more.
  return np.matmul(weights.ref, x.v).div(np.sum(weights, -1, { keepdims: true }));
}

async function baseline(program: JaxProgram, sizes: BaselineSizes): Promise<Baseline> {
  const jax = await import("@jax-js/jax");
  const { numpy: np } = jax;
  if (!(await jax.init("wasm")).includes("wasm")) throw new Error("jax-js has no WebAssembly backend here");
  jax.defaultDevice("wasm");
  const { Hq, Hkv } = sizes;
  const run = jax.jit((q: JaxArray, k: JaxArray, v: JaxArray, seen: JaxArray) => {
    const spread = (x: JaxArray) => (Hq === Hkv ? x : np.repeat(x, Hq / Hkv, 1));
    return program(jax, sizes, { q, k: spread(k), v: spread(v), seen });
  });
  const masks = new WeakMap<JaxArray, JaxArray>();
  return {
    device: "jax-js 0.1.25 on WebAssembly, 1 thread",
    upload: (data, shape) => np.array(data.slice() as Float32Array<ArrayBuffer>).reshape([...shape]),
    async attend(x) {
      const { q, k, v } = x as Readonly<Record<"q" | "k" | "v", JaxArray>>;
      const seen = masks.get(q) ?? triangle(jax, q.shape[2]!);
      masks.set(q, seen);
      return run(q.ref, k.ref, v.ref, seen.ref);
    },
    async settle(y) {
      await (y as JaxArray).blockUntilReady();
    },
    download: async (y) => (await (y as JaxArray).ref.data()) as Float32Array,
    shape: (y) => (y as JaxArray).shape,
    free(x) {
      masks.get(x as JaxArray)?.dispose();
      (x as JaxArray).dispose();
    },
    largest: ([B, H, L]: Shape) => elementCount([B!, H!, L!, L!]),
  };
}

function triangle({ numpy: np }: Jax, n: number): JaxArray {
  const mask = new Float32Array(n * n);
  for (let i = 0; i < n; i++) mask.fill(1, i * n, i * n + i + 1);
  return np.array(mask).reshape([n, n]);
}
