import type { Shape } from "../../program/ops.ts";
import type { Checker } from "../checker.ts";
import { host } from "../host.ts";
import type { Case, OpsLaw } from "../law.ts";
import { products, reductions } from "./sizes.ts";
import { apart, floats, gradient, large, type Spec, value } from "./spec.ts";
import { ofViews } from "./views.ts";

const inf = Number.POSITIVE_INFINITY;

type Reduction = "sum" | "max" | "cumsum";

const reduction = (op: Reduction, says: string): OpsLaw => {
  const spec = ([shape, axis]: readonly [Shape, number]): Spec => ({
    title: `[${shape}] axis ${axis}`,
    inputs: apart({ a: shape }),
    exact: op === "max",
    terms: shape.at(axis)! + 4,
    program: (o, x) => o[op](x.a!, axis),
  });
  const extremes = value({
    title: "infinities",
    inputs: { a: floats([4, 3], -inf, -inf, -inf, -inf, 2, 1, inf, 1, -inf, -inf, inf, 2) },
    exact: true,
    program: (o, x) => o[op](x.a!, -1),
  });
  const unknown = value({
    title: "NaN",
    inputs: { a: floats([2, 3], 1, Number.NaN, 2, 3, 4, 5) },
    exact: true,
    program: (o, x) => o[op](x.a!, -1),
  });
  return {
    name: `op-${op}`,
    rules: "Ops",
    says,
    cases: [
      ...reductions.map((s) => value(spec(s))),
      extremes,
      ...(op === "max" ? [] : [unknown]),
      ...ofViews("along rows of", (o, view) => o[op](view, 1), { exact: op === "max" }),
      ...ofViews("along columns of", (o, view) => o[op](view, 0), { exact: op === "max" }),
      ...(op === "cumsum" ? [] : [long(op), large((o, x) => o[op](x.a!, 0), { exact: op === "max" })]),
      ...reductions.slice(0, 8).map((s) => gradient(spec(s))),
      ...(op === "max" ? [lowest] : []),
    ],
  };
};

const long = (op: "sum" | "max"): Case<Checker> =>
  value({
    title: "along 65537 entries",
    inputs: { a: host([65537], (i) => (i === 65536 ? 1000 : (i % 7) - 3)) },
    exact: op === "max",
    terms: 65537,
    program: (o, x) => o[op](x.a!, 0),
  });

/** Some backends start a maximum from a large negative number instead of -Infinity. */
const lowest: Case<Checker> = {
  title: "near the lowest float32, or float64",
  async run(checker) {
    if (checker.backend.dtype === "float16") return;
    const single = floats([3, 3], -1e38, -3e38, -2e38, -3e20, -2e20, -9e20, -1e38, -1e19, -3e38);
    const double = floats([2, 3], -1e300, -2e300, -3e300, -1e308, -1e307, -1e306);
    for (const a of checker.backend.dtype === "float64" ? [single, double] : [single])
      await value({ title: "", inputs: { a }, exact: true, program: (o, x) => o.max(x.a!, 1) }).run(checker);
  },
};

const matmul: OpsLaw = {
  name: "op-matmul",
  rules: "Ops",
  says: "matmul adds products over the inner axis; leading axes broadcast; an inner axis of 0 gives 0",
  cases: [
    ...products.map(([a, b]) => value(product(a, b))),
    ...products.slice(0, 9).map(([a, b]) => gradient(product(a, b))),
    value({
      title: "a matrix with itself",
      inputs: apart({ a: [3, 3] }),
      program: (o, x) => o.matmul(x.a!, x.a!),
    }),
    value({
      title: "NaN and infinities",
      inputs: { a: floats([2, 2], 0, 1, 1, 0), b: floats([2, 3], Number.NaN, 1, 2, 2, inf, -inf) },
      program: (o, x) => o.matmul(x.a!, x.b!),
    }),
    ...ofViews("a tensor times", (o, view, x) => o.matmul(x.a!, view), { shapes: { a: [2, 4] } }),
    ...ofViews("a tensor times a transposed view of", (o, view, x) => o.matmul(x.a!, o.transpose(view, [1, 0])), {
      shapes: { a: [2, 3] },
    }),
    ...ofViews("the first factor is", (o, view, x) => o.matmul(view, x.a!), { shapes: { a: [3, 2] } }),
    value({
      title: "heads between the tokens and the channels",
      inputs: apart({ a: [2, 3, 2, 4], b: [2, 5, 2, 4] }),
      program: (o, x) => o.matmul(o.transpose(x.a!, [0, 2, 1, 3]), o.transpose(x.b!, [0, 2, 3, 1])),
    }),
    large((o, x) => o.matmul(x.b!, x.a!), { exact: false }),
    value({
      title: "small beside large",
      inputs: { a: host([2, 40], (i) => (i % 40 === 0 ? 1000 : 2 ** -9)), b: host([40, 2], () => 1) },
      terms: 40,
      program: (o, x) => o.matmul(x.a!, x.b!),
    }),
    // A backend may keep its results in larger blocks than uploaded tensors: entries beyond the inner axis are not 0 then.
    ...(
      [
        [
          [2, 3],
          [3, 2],
        ],
        [
          [2, 3, 5],
          [2, 5, 3],
        ],
        [
          [2, 1, 17],
          [17, 1],
        ],
      ] as const
    ).map(([a, b]) =>
      value({
        title: `computed factors [${a}] x [${b}]`,
        inputs: apart({ a, b }),
        terms: a.at(-1)! + 4,
        program: (o, x) => o.matmul(o.exp(x.a!), o.exp(x.b!)),
      }),
    ),
  ],
};

function product(a: Shape, b: Shape): Spec {
  return {
    title: `[${a}] x [${b}]`,
    inputs: apart({ a, b }),
    terms: a.at(-1)! + 4,
    program: (o, x) => o.matmul(x.a!, x.b!),
  };
}

export const reductionLaws: readonly OpsLaw[] = [
  reduction("sum", "sum adds along one axis and keeps it; over none it is 0"),
  reduction("max", "max takes the largest along one axis and keeps it; over none it is -Infinity"),
  reduction("cumsum", "cumsum is the inclusive running sum along one axis"),
  matmul,
];
