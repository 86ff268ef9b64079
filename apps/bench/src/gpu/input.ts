import type { Sequence } from "@attnkit/measure/sequence";
import type { Sizes } from "./sizes.ts";

/** The largest entry in units of 1/512: uniform entries up to it have variance 1. */
const LARGEST = 886;

/**
 * Draws q, k and v of `length` tokens: uniform multiples of 1/512 of variance 1. Every float type holds them exactly, so that
 * all columns compute on the same numbers.
 */
export function drawn({ B, H, d, length }: Sizes, seed: number): Sequence {
  const size = B * H * length * d;
  const [q, k, v] = [1, 2, 3].map((n) => uniform(size, seed * 3 + n)) as [Float32Array, Float32Array, Float32Array];
  return { q, k, v, B, Hq: H, Hkv: H, length, d, dv: d };
}

/** Returns uniform multiples of 1/512 between -886/512 and 886/512. A record has 67 million of them, so it is a plain loop. */
export function uniform(size: number, seed: number): Float32Array {
  const out = new Float32Array(size);
  let state = Math.imul(seed, 0x9e3779b9) | 1;
  for (let i = 0; i < size; i++) {
    // Xorshift (Marsaglia 2003).
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[i] = (((state >>> 0) % (2 * LARGEST + 1)) - LARGEST) / 512;
  }
  return out;
}
