import fc from "fast-check";

/** Sizes beside the edges of tiles and unrolled loops. */
export const ODD = [0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129];

export const shape: fc.Arbitrary<number[]> = fc.array(fc.nat(5), { maxLength: 4 });

/** Shapes of `n` operands that broadcast together: axes of one shape, some dropped in front and some of size 1. */
export const broadcasting = (n: number): fc.Arbitrary<number[][]> =>
  shape.chain((full) =>
    fc.tuple(
      ...Array.from({ length: n }, () =>
        fc
          .tuple(fc.nat(full.length), fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }))
          .map(([from, ones]) => full.map((size, i) => (ones[i] ? 1 : size)).slice(from)),
      ),
    ),
  );

/** A shape of rank 1 to 3 and one of its axes, from the front or from the end; at most one axis has a size of `long`. */
export const axed = (...long: number[]): fc.Arbitrary<{ shape: number[]; axis: number }> =>
  fc
    .record({
      small: fc.array(fc.nat(4), { minLength: 1, maxLength: 3 }),
      size: fc.constantFrom(0, 0, ...long),
      where: fc.nat(),
      at: fc.nat(),
      fromEnd: fc.boolean(),
    })
    .map(({ small, size, where, at, fromEnd }) => ({
      shape: size ? small.with(where % small.length, size) : small,
      axis: (at % small.length) - (fromEnd ? small.length : 0),
    }));

export type Random = () => number;

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
export function random(seed: number): Random {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

export const uniform = (r: Random, shape: readonly number[]): number[] =>
  Array.from({ length: size(shape) }, () => 4 * r() - 2);

/** So small that sums of products are exact in float32, in whatever order they are added. */
export const wholes = (r: Random, shape: readonly number[]): number[] =>
  Array.from({ length: size(shape) }, () => Math.floor(17 * r()) - 8);

const EXTREMES = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-45, -1e-40, 3.4e38, -3.4e38, 1e308, 88.8, -104];

/** Ordinary values, every third an extreme one. */
export const extreme = (r: Random, shape: readonly number[]): number[] =>
  uniform(r, shape).map((x) => (r() < 1 / 3 ? EXTREMES[Math.floor(r() * EXTREMES.length)]! : 20 * x));

export const bytes = (r: Random, shape: readonly number[]): Uint8Array =>
  Uint8Array.from(uniform(r, shape), (x) => +(x > 0));
