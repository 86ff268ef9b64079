import type { Tensors } from "../../program/block.ts";
import type { Ops, Shape } from "../../program/ops.ts";
import type { Checker } from "../checker.ts";
import type { Case, OpsLaw } from "../law.ts";
import { pairs } from "./sizes.ts";
import { apart, both, floats, gradient, large, type Spec, value } from "./spec.ts";
import { ofViews } from "./views.ts";
import { whereLaw } from "./where.ts";

type Binary = "add" | "sub" | "mul" | "div" | "maximum" | "minimum";
const inf = Number.POSITIVE_INFINITY;

/** Infinities as the mechanisms use them: a mask, an empty row, a limit. */
const extremes: Readonly<Record<Binary, readonly (readonly [number, number])[]>> = {
  add: [
    [-inf, 1],
    [1, inf],
    [-inf, -inf],
    [1e4, -1e4],
    [-inf, inf],
  ],
  sub: [
    [-inf, 1],
    [1, -inf],
    [3, inf],
    [5, 5],
    [inf, inf],
    [-inf, -inf],
  ],
  mul: [
    [0, 5],
    [-0.5, 0],
    [-3, -4],
    [0, inf],
    [-inf, 0],
  ],
  div: [
    [0, 5],
    [7, -2],
    [-6, 3],
    [1, 3],
    [0, 0],
    [inf, inf],
    [inf, -inf],
    [-3, inf],
    [1, 0],
    [-1, 0],
  ],
  maximum: [
    [-inf, 3],
    [3, -inf],
    [-inf, -inf],
    [inf, 3],
    [2, 2],
    [-1, -2],
  ],
  minimum: [
    [-inf, 3],
    [3, inf],
    [inf, inf],
    [2, 2],
    [-1, -2],
  ],
};

const binary = (op: Binary): OpsLaw => {
  const exact = op === "maximum" || op === "minimum";
  const at = (a: Shape, b: Shape): Spec => ({
    title: `[${a}] with [${b}]`,
    inputs: apart({ a, b }, op === "div"),
    exact,
    program: (o, x) => o[op](x.a!, x.b!),
  });
  const list = extremes[op];
  const same: Spec = {
    title: "an argument with itself",
    inputs: apart({ a: [3, 2] }, true),
    exact,
    program: (o, x) => o[op](x.a!, x.a!),
  };
  return {
    name: `op-${op}`,
    rules: "Ops",
    says: `${op} is what its definition says, under broadcasting, with numbers, at extremes, and in its gradient`,
    cases: [
      ...pairs.flatMap(([a, b]) => [value(at(a, b)), value(at(b, a))]),
      ...pairs.slice(0, 9).flatMap(([a, b]) => [gradient(at(a, b)), gradient(at(b, a))]),
      ...both({
        title: "tensor with number",
        inputs: apart({ a: [3, 5] }),
        exact,
        program: (o, x) => o[op](x.a!, 0.75),
      }),
      ...both({
        title: "number with tensor",
        inputs: apart({ a: [3, 5] }, true),
        exact,
        program: (o, x) => o[op](0.75, x.a!),
      }),
      ...[0, -2.7].flatMap((number) => [
        ...(op === "div" && number === 0
          ? []
          : [
              value({
                title: `tensor with ${number}`,
                inputs: apart({ a: [3] }),
                program: (o, x) => o[op](x.a!, number),
              }),
            ]),
        value({ title: `${number} with tensor`, inputs: apart({ a: [3] }), program: (o, x) => o[op](number, x.a!) }),
      ]),
      ...ofViews("a tensor with", (o, view, x) => o[op](x.a!, view), { exact, shapes: { a: [4, 3] }, positive: true }),
      ...ofViews("a column of", (o, view, x) => o[op](view, o.slice(x.a!, 1, 1, 2)), {
        ...{ exact, shapes: { a: [4, 3] }, positive: true },
      }),
      large((o, x) => o[op](x.a!, x.b!), { side: op === "add" ? 257 : 65, exact: op !== "div" && op !== "mul" }),
      value({
        title: "tensor without axes with number",
        inputs: apart({ a: [] }),
        exact,
        program: (o, x) => o[op](x.a!, 0.75),
      }),
      value({
        title: "extremes",
        inputs: {
          a: floats([list.length], ...list.map(([a]) => a)),
          b: floats([list.length], ...list.map(([, b]) => b)),
        },
        exact: op !== "div",
        program: (o, x) => o[op](x.a!, x.b!),
      }),
      ...(exact ? [value(same)] : both(same)),
      ...(op === "minimum" ? limits : []),
    ],
  };
};

/**
 * A lower and an upper limit, which a backend may merge into one operation: below each other, equal, and crossed. They
 * stand with `minimum`, because the law of `maximum` comes before and uses no other operation.
 */
const limits: readonly Case<Checker>[] = [
  [-1, 1],
  [1, 1],
  [1, -1],
].flatMap(([low, high]) => {
  const spec = (order: string, program: Spec["program"]) =>
    value({
      title: `limits ${low} and ${high}, ${order} first`,
      inputs: { a: floats([6], -3, -1, -0.5, 0.5, 1, 3) },
      exact: true,
      program,
    });
  return [
    spec("upper", (o, x) => o.maximum(o.minimum(x.a!, high!), low!)),
    spec("lower", (o, x) => o.minimum(o.maximum(x.a!, low!), high!)),
  ];
});

type Unary = "exp" | "log" | "tanh";

const unary = (op: Unary, points: readonly number[], extreme: readonly number[]): OpsLaw => {
  const positive = op === "log";
  const apply = <T>(o: Ops<T>, x: Tensors<T>) => o[op](x.a!);
  return {
    name: `op-${op}`,
    rules: "Ops",
    says: `${op} is what its definition says over the whole range of the float type, and in its gradient`,
    cases: [
      ...[[], [1], [3, 5], [127], [2, 1, 3, 1, 2], [0], [3, 0, 2], [129, 5]].map((a) =>
        value({ title: `[${a}]`, inputs: apart({ a }, positive), program: apply }),
      ),
      ...ofViews("of", (o, view) => o[op](view), { positive }),
      large((o, x) => o[op](o.div(o.add(x.a!, 1), 1000)), { exact: false }),
      value({ title: "points of the range", inputs: { a: floats([points.length], ...points) }, program: apply }),
      value({ title: "extremes", inputs: { a: floats([extreme.length], ...extreme) }, program: apply }),
      gradient({ title: "[3, 5]", inputs: apart({ a: [3, 5] }, positive), program: apply }),
      gradient({ title: "[]", inputs: apart({ a: [] }, positive), program: apply }),
    ],
  };
};

/** Within float16 too, whose normal numbers end at 6e-5 and 65504. */
const small = [-9, -5, -1, -0.125, -(2 ** -11), 0, 2 ** -11, 0.125, 1, 5, 10];

const wide = (op: "exp" | "log", single: readonly number[], double: readonly number[]): Case<Checker> => ({
  title: "the whole range of float32, or of float64",
  async run(checker) {
    const { dtype } = checker.backend;
    if (dtype === "float16") return;
    const points = dtype === "float64" ? [...single, ...double] : single;
    await value({
      title: "",
      inputs: { a: floats([points.length], ...points) },
      program: (o, x) => o[op](x.a!),
    }).run(checker);
  },
});

const exp = unary("exp", small, [-inf, 0, -1000, inf]);
const log = unary("log", [1e-4, 1e-3, 0.1, 0.5, 0.99, 1.01, 2, 10, 1e4], [0, 1, inf]);
const tanh = unary("tanh", [...small, -0.01, 0.001, 3, 7.5, -8.5, 16], [0, 1000, -1000, inf, -inf]);

export const pointwiseLaws: readonly OpsLaw[] = [
  ...(["add", "sub", "mul", "div", "maximum", "minimum"] as const).map(binary),
  {
    ...exp,
    cases: [...exp.cases, wide("exp", [-86, -80, -60, -40, -20, 20, 40, 60, 88], [-700, -300, 100, 300, 700])],
  },
  { ...log, cases: [...log.cases, wide("log", [2e-38, 1e-37, 1e-20, 1e20, 3e38], [1e-300, 1e-100, 1e100, 1e300])] },
  tanh,
  whereLaw,
];
