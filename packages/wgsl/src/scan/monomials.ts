import { pairs, triples } from "./channel-pairs.ts";

/** The highest degree of a polynomial that `monomials` takes. */
export const HIGHEST_DEGREE = 3;

/**
 * The features of a weight `P(s) = sum_m c_m s^m` of `s = q.k`: the monomials `x_i1 .. x_im` with `i1 <= .. <= im`, by degree and
 * then in lexicographic order. Degrees with coefficient 0 have none.
 */
export interface Monomials {
  /** The number of features of P for d channels. */
  size(d: number): number;
  /** The number of features of the derivative `P'`. */
  slopes(d: number): number;
  /**
   * WGSL `weight(x)` and `slope(x)`, which are P and P' of a `vec4f`; `feature(f)` and `slope_feature(g)`, which are a
   * `Monomial` of P and of P'; and `times(m, c)`, the index of the feature of P that is the monomial m of P' times channel c.
   */
  readonly wgsl: string;
  /** WGSL `NAME_product(seq, item, m)`: the channels of a monomial, multiplied. It reads `NAME_x(seq, item, c)`. */
  product(name: string): string;
}

/**
 * Makes the features of a polynomial, for `matrixStateGradients`.
 * @param coefficients `c_0, c_1, ..`: 1 to 4 finite numbers.
 * @throws RangeError if the degree is above 3.
 * @example
 * ```ts
 * matrixStateGradients(form, { q: "1.0", k: "1.0", monomials: monomials([1, 1, 0.5]) }); // 1 + s + s^2 / 2
 * ```
 */
export function monomials(coefficients: readonly number[]): Monomials {
  const degree = coefficients.length - 1;
  if (degree > HIGHEST_DEGREE)
    throw new RangeError(
      `monomials: the polynomial has degree ${degree}, and no kernel has monomials of it; expected at most ${HIGHEST_DEGREE}`,
    );
  const slopes = derivative(coefficients);
  const factors = Array.from({ length: degree }, (_, i) => ` * NAME_factor(seq, item, m.channels.${"xyz"[i]})`);
  return {
    size: (d) => count(coefficients, d),
    slopes: (d) => count(slopes, d),
    wgsl: `
${pairs}
${triples}
/** Channels beyond the degree are p.d, in place of a factor 1. */
struct Monomial { factor: f32, channels: vec3u }
fn weight(x: vec4f) -> vec4f { return ${horner(coefficients)}; }
fn slope(x: vec4f) -> vec4f { return ${horner(slopes)}; }
${listed("feature", coefficients)}
${listed("slope_feature", slopes)}
fn times(m: Monomial, c: u32) -> u32 {
  let low = min(c, m.channels.x);
  ${timesBy(coefficients)}
  return 0u;
}`,
    product: (name) =>
      `
fn NAME_factor(seq: u32, item: u32, c: u32) -> f32 {
  if (c >= p.d) { return 1.0; }
  return NAME_x(seq, item, c);
}
fn NAME_product(seq: u32, item: u32, m: Monomial) -> f32 { return 1.0${factors.join("")}; }`.replaceAll("NAME", name),
  };
}

/** Returns the coefficients of `P'(s)`. */
export const derivative = (coefficients: readonly number[]): readonly number[] =>
  coefficients.length > 1 ? coefficients.slice(1).map((c, m) => c * (m + 1)) : [0];

/** Returns WGSL of a float32. */
export const float32 = (c: number): string => `f32(${Math.fround(c)})`;

/** Returns WGSL of `sum_m c_m x^m` for a `vec4f` x, the highest power innermost. */
export function horner(coefficients: readonly number[]): string {
  const vector = (c: number) => `vec4f(${float32(c)})`;
  const [top, ...lower] = coefficients.toReversed();
  return lower.reduce((inner, c) => `fma(${inner}, x, ${vector(c)})`, vector(top as number));
}

/** Each degree: how many monomials it has in WGSL, the channels of the n-th, and how often it occurs among all products. */
const degrees = [
  { size: "1u", channels: "vec3u(p.d)", orderings: "1.0" },
  { size: "p.d", channels: "vec3u(n, p.d, p.d)", orderings: "1.0" },
  {
    size: "row_start(p.d, p.d)",
    channels: "vec3u(pair_of(n, p.d), p.d)",
    orderings: "select(2.0, 1.0, i.x == i.y)",
  },
  {
    size: "triple_start(p.d, p.d)",
    channels: "triple_of(n, p.d)",
    orderings: "select(select(6.0, 3.0, i.x == i.y || i.y == i.z), 1.0, i.x == i.z)",
  },
] as const;

/** WGSL of a function that returns a monomial by its index: its factor is the coefficient times its orderings. */
const listed = (name: string, coefficients: readonly number[]) => `
fn ${name}(index: u32) -> Monomial {
  var n = index;
  ${coefficients
    .flatMap((c, m) => {
      if (c === 0) return [];
      const { size, channels, orderings } = degrees[m]!;
      return `if (n < ${size}) { let i = ${channels}; return Monomial(${float32(c)} * ${orderings}, i); }\n  n -= ${size};`;
    })
    .join("\n  ")}
  return Monomial(0.0, vec3u(p.d));
}`;

/** The rank of the sorted channels among the monomials of their degree, after those of lower degrees. */
function timesBy(coefficients: readonly number[]): string {
  const ranks = [
    { is: "m.channels.x == p.d", rank: "c" },
    {
      is: "m.channels.y == p.d",
      rank: "row_start(low, p.d) + max(c, m.channels.x) - low",
    },
    {
      is: "true",
      rank: `triple_start(low, p.d) + row_start(c + m.channels.x + m.channels.y - low - max(c, m.channels.y) - low, p.d - low)
      + 2u * max(c, m.channels.y) + low - c - m.channels.x - m.channels.y`,
    },
  ];
  return coefficients
    .flatMap((c, m) => {
      if (c === 0 || m === 0) return [];
      const lower = coefficients.slice(0, m).flatMap((b, n) => (b === 0 ? [] : [degrees[n]!.size]));
      const { is, rank } = ranks[m - 1]!;
      return `if (${is}) { return ${[...lower, rank].join(" + ")}; }`;
    })
    .join("\n  ");
}

const count = (coefficients: readonly number[], d: number): number =>
  coefficients.reduce(
    (sum, c, m) => sum + (c === 0 ? 0 : [1, d, (d * (d + 1)) / 2, (d * (d + 1) * (d + 2)) / 6][m]!),
    0,
  );
