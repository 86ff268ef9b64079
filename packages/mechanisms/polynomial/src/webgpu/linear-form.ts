import type { Call } from "@attnkit/core/program";
import {
  float32,
  HIGHEST_DEGREE,
  horner,
  type KernelGradients,
  matrixStateGradients,
  monomials as monomialsOf,
  type PolynomialForm,
  pairs,
  triples,
} from "@attnkit/wgsl";
import { featureCount } from "../features.ts";
import { limitOf, type Polynomial } from "../options.ts";
import { isLinear, unfit } from "./forms.ts";

/** The linear form by chunks: within one, `P(s)` of products; before it, symmetric powers worked out where they are read. */
export function linearForm(p: Polynomial): PolynomialForm {
  const { coefficients, fixed } = p;
  return {
    name: "polynomial",
    accepts: (call) => refusal(p, call) ?? true,
    numbers: ({ dims: { d } }) => ({
      ...{ limit: limitOf(p, d), root: 1 / Math.sqrt(d) },
      ...(fixed !== undefined && { share: 1 / Math.sqrt(fixed) }),
    }),
    q: "limited(x, -p.limit, p.limit) * p.root",
    k: "limited(x, -p.limit, p.limit)",
    weight: horner(coefficients),
    features: {
      size: (d) => featureCount(coefficients, d),
      helpers: pairs + (coefficients.length > 3 ? triples : ""),
      q: monomials("q", coefficients),
      k: monomials("k", coefficients),
    },
    ...(fixed === undefined
      ? { divisor: "count", state: { sums: "a", divisor: "n" } }
      : { divisor: "none", y: "x * p.share", state: { sums: "a" } }),
  };
}

/** The gradients of the linear form: the same monomials, in both directions. Absent if no kernel knows them. */
export function linearGradients(p: Polynomial): KernelGradients | undefined {
  const { coefficients } = p;
  if (coefficients.length - 1 > HIGHEST_DEGREE) return undefined;
  return matrixStateGradients(linearForm(p), {
    q: "select(p.root, 0.0, abs(x) > p.limit)",
    k: "select(1.0, 0.0, abs(x) > p.limit)",
    monomials: monomialsOf(coefficients),
  });
}

function refusal(p: Polynomial, call: Call): string | undefined {
  if (!isLinear(p, call)) return "this call takes the quadratic form, which has no chunks";
  const degree = p.coefficients.length - 1;
  return degree > HIGHEST_DEGREE
    ? `monomials of degree ${degree} have no kernel; expected at most ${HIGHEST_DEGREE}`
    : unfit(p);
}

/** Feature f in the portable program's order: by degree, then by indices. The weights are on the side of q. */
function monomials(x: "q" | "k", coefficients: readonly number[]): string {
  const term = (c: number, orderings: string, indices: readonly string[]) =>
    [...(x === "q" ? [float32(c), orderings] : ["1.0"]), ...indices.map((i) => `${x}_channel(at, ${i})`)].join(" * ");
  const degrees = [
    { size: "1u", feature: (c: number) => `return ${term(c, "1.0", [])};` },
    { size: "p.d", feature: (c: number) => `return ${term(c, "1.0", ["n"])};` },
    {
      size: "row_start(p.d, p.d)",
      feature: (c: number) => `let i = pair_of(n, p.d);
    return ${term(c, "select(2.0, 1.0, i.x == i.y)", ["i.x", "i.y"])};`,
    },
    {
      size: "p.r",
      feature: (c: number) => `let i = triple_of(n, p.d);
    return ${term(c, "select(select(6.0, 3.0, i.x == i.y || i.y == i.z), 1.0, i.x == i.z)", ["i.x", "i.y", "i.z"])};`,
    },
  ];
  const lines = coefficients.flatMap((c, m) => {
    const degree = degrees[m];
    return c === 0 || !degree ? [] : [`if (n < ${degree.size}) { ${degree.feature(c)} }\n  n -= ${degree.size};`];
  });
  return ["var n = f;", ...lines, "return 0.0;"].join("\n  ");
}
