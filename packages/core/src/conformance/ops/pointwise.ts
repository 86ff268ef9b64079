import type { Tensors } from "../../program/block.ts";
import type { Ops, Shape } from "../../program/ops.ts";
import type { Checker } from "../checker.ts";
import type { Case, OpsLaw } from "../law.ts";
import { pairs } from "./sizes.ts";
import { apart, both, floats, gradient, type Spec, value } from "./spec.ts";
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
      ...pairs.slice(0, 7).flatMap(([a, b]) => [gradient(at(a, b)), gradient(at(b, a))]),
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
      value({ title: "points of the range", inputs: { a: floats([points.length], ...points) }, program: apply }),
      value({ title: "extremes", inputs: { a: floats([extreme.length], ...extreme) }, program: apply }),
      gradient({ title: "[3, 5]", inputs: apart({ a: [3, 5] }, positive), program: apply }),
      gradient({ title: "[]", inputs: apart({ a: [] }, positive), program: apply }),
    ],
  };
};

/** Within float16 too, whose normal numbers end at 6e-5 and 65504. */
const small = [-9, -5, -1, -0.125, 0, 0.125, 1, 5, 10];

const wide: Case<Checker> = {
  title: "the whole range of float32",
  async run(checker) {
    if (checker.backend.dtype === "float16") return;
    await value({
      title: "",
      inputs: { a: floats([9], -86, -80, -60, -40, -20, 20, 40, 60, 88) },
      program: (o, x) => o.exp(x.a!),
    }).run(checker);
  },
};

const exp = unary("exp", small, [-inf, 0, -1000, inf]);
const log = unary("log", [1e-4, 1e-3, 0.1, 0.5, 0.99, 1.01, 2, 10, 1e4], [0, 1, inf]);
const tanh = unary("tanh", [...small, -0.01, 0.001, 3], [0, 1000, -1000, inf, -inf]);

export const pointwiseLaws: readonly OpsLaw[] = [
  ...(["add", "sub", "mul", "div", "maximum", "minimum"] as const).map(binary),
  { ...exp, cases: [...exp.cases, wide] },
  log,
  tanh,
  whereLaw,
];
