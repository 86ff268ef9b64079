/** Tokens for the tests of caches on `@attnkit/webgpu`. */
import type { GpuTensor, WebgpuBackend } from "@attnkit/webgpu";

export const [B, Hq, Hkv, d, dv] = [2, 4, 2, 8, 6];
/** The bytes of k and v of one token. */
export const TOKEN = 4 * B * Hkv * (d + dv);

export const numbers = (n: number, seed: number) =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(seed + 0.7 * i));

/** Tokens `from..from + n - 1` of a sequence that is the same for everyone. `line` tells sequences apart. */
export function tokens(backend: WebgpuBackend, from: number, n: number, line = 0) {
  const tensor = (heads: number, width: number, kind: number) => {
    const data = new Float32Array(B * heads * n * width);
    for (let row = 0; row < B * heads; row++)
      for (let t = 0; t < n; t++)
        data.set(numbers(width, 13 * row + 3 * (from + t) + 100 * kind + 1000 * line), (row * n + t) * width);
    return backend.upload(data, [B, heads, n, width]);
  };
  return { q: tensor(Hq, d, 0), k: tensor(Hkv, d, 1), v: tensor(Hkv, dv, 2) };
}

export const free = (backend: WebgpuBackend, ...records: readonly Readonly<Record<string, GpuTensor>>[]) => {
  for (const record of records) for (const x of Object.values(record)) backend.free(x);
};
export const held = (backend: WebgpuBackend) => backend.memory().bytes - backend.memory().idleBytes;
