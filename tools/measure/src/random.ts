import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** Numbers near standard normal, |x| <= 6: sums of 12 uniforms, so that a seed gives the same bits in every engine. */
export function normals(seed: number): () => number {
  const rng = xoroshiro128plus(seed);
  return () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniformFloat64(rng);
    return sum;
  };
}
