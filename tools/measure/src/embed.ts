import { normals } from "./random.ts";
import type { Sequence } from "./sequence.ts";

export interface Sizes {
  readonly seed: number;
  readonly length: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly dim: number;
}

/** Channels of the toy model before the projections: enough for the heads to differ. */
const WIDTH = 64;

/**
 * Returns q, k and v as in the first layer of a transformer. Each token's embedding and its sinusoidal position
 * (Vaswani et al. 2017, section 3.5) are added. Layer norm and projections of variance 1 / WIDTH follow, so that q, k
 * and v have variance near 1.
 * A token is a byte, or several bytes: their embeddings are added and divided by the square root of their number. All
 * weights depend on `seed`. A text shorter than `length` is repeated.
 */
export function embed(
  tokens: Uint8Array | readonly Uint8Array[],
  { seed, length, heads, kvHeads, dim }: Sizes,
): Sequence {
  const normal = normals(seed);
  const table = Float64Array.from({ length: 256 * WIDTH }, normal);
  const widths = [heads * dim, kvHeads * dim, kvHeads * dim];
  const weights = widths.map((n) => Float64Array.from({ length: WIDTH * n }, () => normal() / Math.sqrt(WIDTH)));
  const outs = widths.map((n) => new Float32Array(length * n));
  const x = new Float64Array(WIDTH);
  const periods = Float64Array.from({ length: WIDTH }, (_, c) => 10000 ** ((c - (c % 2)) / WIDTH));
  for (let t = 0; t < length; t++) {
    const token = tokens[t % tokens.length]!;
    const bytes = typeof token === "number" ? [token] : token;
    for (let c = 0; c < WIDTH; c++) {
      let sum = 0;
      for (const byte of bytes) sum += table[byte * WIDTH + c]!;
      const angle = t / periods[c]!;
      x[c] = sum / Math.sqrt(bytes.length) + (c % 2 ? Math.cos(angle) : Math.sin(angle));
    }
    layerNorm(x);
    for (let i = 0; i < 3; i++) project(x, weights[i]!, outs[i]!, { t, length, dim });
  }
  const [q, k, v] = outs as [Float32Array, Float32Array, Float32Array];
  return { q, k, v, B: 1, Hq: heads, Hkv: kvHeads, length, d: dim, dv: dim };
}

function layerNorm(x: Float64Array): void {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length;
  // 1e-5 is the usual constant in transformers. A row of equal channels stays finite.
  for (let c = 0; c < x.length; c++) x[c] = (x[c]! - mean) / Math.sqrt(variance + 1e-5);
}

/** Computes one token's row of every head: `out[h, t, :] = x W[:, h, :]`. */
function project(
  x: Float64Array,
  w: Float64Array,
  out: Float32Array,
  at: { t: number; length: number; dim: number },
): void {
  const { t, length, dim } = at;
  const width = w.length / x.length;
  for (let c = 0; c < width; c++) {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += x[i]! * w[i * width + c]!;
    out[(Math.floor(c / dim) * length + t) * dim + (c % dim)] = sum;
  }
}
