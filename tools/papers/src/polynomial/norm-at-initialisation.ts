import { attention, type Mechanism } from "@attnkit/core";
import { type CpuBackend, cpu } from "@attnkit/cpu";
import { normals } from "@attnkit/measure/random";
import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Figure, Point, Series } from "../figure.ts";
import { spreadOf } from "../run/table.ts";
import type { Spread, Table } from "../table.ts";
import { between, rounded } from "./compared.ts";
import { expectedNorm, project } from "./gaussian.ts";
import { paper, SOURCE } from "./paper.ts";
import { exponent } from "./slope.ts";
import { VARIANTS, type Variant, type Variants, variantOf } from "./variants.ts";

const lengths = (size: Size): readonly number[] =>
  size === "full" ? [16, 32, 64, 128, 256, 512] : [16, 32, 64, 128, 256];

/** Channels of X and of q and k. */
const WIDTH = 32;

/** A slope may be off by this, and a norm by this share of its expectation. */
const [SLOPE_OFF, NORM_OFF] = [0.05, 0.1];

/** The norms of untrained weights. Tests pass mechanisms that are broken on purpose. */
export function normAtInitialisation(variants: Variants = VARIANTS): Claim {
  return {
    name: "norm-at-initialisation",
    sentence:
      "The Frobenius norm of softmax(A) is at most sqrt(N) for every A; for X, Q and K with independent Gaussian entries that of (X Q K^T X^T)^p is O(N) in expectation, so that a factor 1 / sqrt(N) makes it O(sqrt(N)).",
    paper,
    where: "Theorems 4.1 and 4.2 with the corollaries on the factor",
    rule: `The exponent of N is the least squares slope of log norm against log N, with its 95 % interval over seeds (Student). Supported if no norm of softmax's weights is above sqrt(N), every exponent is within ${SLOPE_OFF} of 1 without and of 1/2 with the factor, and each norm at the largest N is within ${100 * NORM_OFF} % of its exact expectation. Not supported if a norm of softmax is above sqrt(N), an interval lies outside those bounds, or a norm is off. Otherwise not decidable.`,
    deviations: [
      SOURCE,
      "A power is taken of each score, not of the matrix: the notation of the paper leaves this open, and only powers of scores have norms that grow with N for every p.",
      `The scores are divided by sqrt(d), and Q and K have variance 1 / ${WIDTH} for ${WIDTH} channels, as in a network; both change the norm by a constant.`,
      "The norm is the root of the mean square over draws, which is at least the mean of the theorem and has a closed form. The derivatives of Theorems 4.1 and 4.3 are not measured.",
    ],
    cells: (size) => lengths(size).flatMap((n) => Object.keys(variants).map((activation) => ({ activation, n }))),
    async measure(params, { seed }) {
      const n = Number(params.n);
      const { mechanism } = variantOf(variants, params.activation);
      // Short sequences have fewer weights per draw, and heavy tails.
      const draws = Math.max(6, 1024 / n);
      const squares = Array.from({ length: draws }, (_, i) => squareNorm(mechanism, n, seed * 65_536 + 128 * n + i));
      return {
        norm: Math.sqrt(squares.reduce((sum, x) => sum + x, 0) / draws),
        largest: Math.sqrt(squares.reduce((a, b) => Math.max(a, b))),
      };
    },
    judge: (table) => judge(table, variants),
    figures: (table) => [figure(table, variants)],
  };
}

const backend: CpuBackend<"float64"> = cpu({ dtype: "float64" });

/** The squared Frobenius norm of the weights of one draw of X, Q and K. They are the output for the identity as v. */
function squareNorm(mechanism: Mechanism, n: number, seed: number): number {
  const normal = normals(seed);
  const gaussian = (length: number, deviation: number) => Float64Array.from({ length }, () => deviation * normal());
  const x = gaussian(n * WIDTH, 1);
  const projected = () => project(x, gaussian(WIDTH * WIDTH, 1 / Math.sqrt(WIDTH)), WIDTH);
  const identity = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  const { y } = attention(mechanism, backend, { causal: false }).sync({
    q: backend.upload(projected(), [1, 1, n, WIDTH]),
    k: backend.upload(projected(), [1, 1, n, WIDTH]),
    v: backend.upload(identity, [1, 1, n, n]),
  });
  return (y.data as Float64Array).reduce((sum, w) => sum + w * w, 0);
}

/** The exponent that the theorems give to a power, 1 or 1/2. */
const expectedExponent = ({ factor }: Variant): number => (factor ? 0.5 : 1);

function exponentsOf(table: Table, activation: string): Spread {
  const rows = table.where({ activation });
  const ns = rows.distinct<number>("n");
  const bySeed = ns.map((n) => rows.where({ n }).values("norm"));
  return spreadOf(bySeed[0]!.map((_, seed) => exponent(ns.map((x, i) => ({ x, y: bySeed[i]![seed]! })))));
}

function judge(table: Table, variants: Variants): Verdict {
  const names = table.distinct<string>("activation");
  const last = Math.max(...table.distinct<number>("n"));
  const powers = names
    .map((name) => ({ name, ...variantOf(variants, name) }))
    .flatMap(({ power, ...v }) => (power === undefined ? [] : [{ power, ...v }]));
  const each = powers.map((v) => {
    const norm = table.where({ activation: v.name, n: last }).spread("norm").mean;
    const expected = expectedNorm(v.power, last, WIDTH) * (v.factor?.(last) ?? 1);
    return { ...v, norm, ratio: norm / expected, slope: exponentsOf(table, v.name), wanted: expectedExponent(v) };
  });
  const soft = table.where({ activation: "softmax" });
  const above = soft.distinct<number>("n").filter((n) =>
    soft
      .where({ n })
      .values("largest")
      .some((x) => x > Math.sqrt(n)),
  );
  const measured =
    `Exponents of N: ${each.map(({ name, slope }) => `${name} ${between(slope, 3)}`).join(", ")}. ` +
    `At N = ${last}, where sqrt(N) = ${Math.sqrt(last).toFixed(0)}, the norm is ${between(soft.where({ n: last }).spread("norm"), 2)} for softmax, ` +
    `${each.map(({ name, norm, ratio }) => `${rounded(norm)} for ${name} (${ratio.toFixed(3)} of its expectation)`).join(", ")}. ` +
    `Softmax's exponent is ${between(exponentsOf(table, "softmax"), 3)}: for independent standard normal scores its norm tends to sqrt(e) = 1.65, and sqrt(N) is its worst case` +
    `${above.length > 0 ? `; here it is above sqrt(N) at N = ${above.join(", ")}` : ""}.`;
  if (above.length > 0 || each.some(({ ratio }) => !(Math.abs(ratio - 1) <= NORM_OFF)))
    return { ruling: "not supported", measured };
  const within = ({ slope, wanted }: (typeof each)[number]) => Math.abs(slope.mean - wanted) <= SLOPE_OFF;
  const outside = ({ slope, wanted }: (typeof each)[number]) =>
    slope.low > wanted + SLOPE_OFF || slope.high < wanted - SLOPE_OFF;
  if (each.every(within)) return { ruling: "supported", measured };
  return { ruling: each.some(outside) ? "not supported" : "not decidable at this size", measured };
}

function figure(table: Table, variants: Variants): Figure {
  const ns = table.distinct<number>("n");
  const curve = (activation: string): Series => ({
    name: activation,
    points: ns.map((n): Point => {
      const { mean, low, high } = table.where({ activation, n }).spread("norm");
      // A logarithmic axis has no place for an interval that reaches 0.
      return { x: n, y: mean, ...(low > 0 && { low, high }) };
    }),
  });
  const line = (y: (n: number) => number): Series => ({
    name: "order of the theorem",
    theory: true,
    points: ns.map((n) => ({ x: n, y: y(n) })),
  });
  const axes = {
    x: { label: "tokens N", scale: "log" },
    y: { label: "Frobenius norm of the weights", scale: "log" },
  } as const;
  const named = (scaled: boolean) =>
    table.distinct<string>("activation").filter((name) => {
      const { power, factor } = variantOf(variants, name);
      return power !== undefined && (factor !== undefined) === scaled;
    });
  return {
    name: "norm-at-initialisation",
    caption:
      "Norms of untrained weights with Gaussian inputs. The dashed lines are the orders of the theorems with constant 1, N and sqrt(N), which are the norms of x. Higher powers have larger constants, and sqrt(N) is the bound of softmax.",
    panels: [
      { ...axes, title: "without a factor", series: [...named(false).map(curve), line((n) => n)] },
      {
        ...axes,
        title: "with 1 / sqrt(N), and softmax",
        series: [...[...named(true), "softmax"].map(curve), line(Math.sqrt)],
      },
    ],
  };
}
