import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/**
 * A generator whose first outputs are uniform over seeds as well. pure-rand's state is the seed and its complement: its
 * first output is `~seed`, so that a small seed begins with 0.99999... Here the seed is hashed, and the first outputs,
 * which still are simple functions of the state, are dropped.
 */
export function generator(seed: number): RandomGenerator {
  const rng = xoroshiro128plus(hash(seed));
  for (let i = 0; i < 8; i++) rng.next();
  return rng;
}

/** The finaliser of MurmurHash3, a bijection of 32-bit integers; the constant keeps 0 from being its own hash. */
function hash(seed: number): number {
  let h = (seed + 0x9e3779b9) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Returns uniform numbers in [0, 1), the same bits for a seed in every engine. */
export function uniforms(seed: number): () => number {
  const rng = generator(seed);
  return () => uniformFloat64(rng);
}

/** Numbers near standard normal, |x| <= 6: sums of 12 uniforms, so that a seed gives the same bits in every engine. */
export function normals(seed: number): () => number {
  const uniform = uniforms(seed);
  return () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniform();
    return sum;
  };
}
