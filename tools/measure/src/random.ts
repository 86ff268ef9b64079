import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/**
 * Makes a generator whose first outputs are uniform over seeds as well. pure-rand's state is the seed and its
 * complement, and its first output is `~seed`: small seeds would begin with 0.99999... Here the seed is hashed. The
 * first outputs, which are simple functions of the state, are dropped.
 */
export function generator(seed: number): RandomGenerator {
  const rng = xoroshiro128plus(hash(seed));
  for (let i = 0; i < 8; i++) rng.next();
  return rng;
}

/** The finaliser of MurmurHash3, a bijection of 32-bit integers. The constant prevents that 0 is its own hash. */
function hash(seed: number): number {
  let h = (seed + 0x9e3779b9) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Returns a function that returns uniform numbers in [0, 1). A seed gives the same bits in every engine. */
export function uniforms(seed: number): () => number {
  const rng = generator(seed);
  return () => uniformFloat64(rng);
}

/**
 * Returns a function that returns nearly standard normal numbers, |x| <= 6. They are sums of 12 uniform numbers, so
 * that a seed gives the same bits in every engine.
 */
export function normals(seed: number): () => number {
  const uniform = uniforms(seed);
  return () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniform();
    return sum;
  };
}
