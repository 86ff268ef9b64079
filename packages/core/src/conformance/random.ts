/** Random numbers that are the same in every engine: integer arithmetic only, no libm. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Near normal, mean 0 and variance 1, |x| <= 6: the sum of 12 uniforms. */
  normal(): number;
  /** Uniform in `low..high`, both ends included. */
  integer(low: number, high: number): number;
  /** True with probability `p`. */
  chance(p: number): boolean;
  pick<X>(from: readonly X[]): X;
  /** A random order of `0..n-1`. */
  permutation(n: number): number[];
}

/** A generator that depends on `key` alone: sfc32 (Doty-Humphrey, PractRand 0.94) seeded by FNV-1a with four offsets. */
export function random(key: string): Random {
  let [a, b, c, counter] = [fnv1a(key, 1), fnv1a(key, 2), fnv1a(key, 3), 1];
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 15; i++) next();
  const uniform = () => next() / 2 ** 32;
  const integer = (low: number, high: number) => low + Math.floor(uniform() * (high - low + 1));
  return {
    uniform,
    normal() {
      let sum = -6;
      for (let i = 0; i < 12; i++) sum += uniform();
      return sum;
    },
    integer,
    chance: (p) => uniform() < p,
    pick: (from) => from[integer(0, from.length - 1)]!,
    permutation(n) {
      const order = Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = integer(0, i);
        [order[i], order[j]] = [order[j]!, order[i]!];
      }
      return order;
    },
  };
}

/** FNV-1a, 32 bits, over the UTF-16 units of `text`. */
function fnv1a(text: string, offset: number): number {
  let h = (0x811c9dc5 + offset) | 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}
