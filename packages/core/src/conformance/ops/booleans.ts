import type { Tensors } from "../../program/block.ts";
import type { Ops } from "../../program/ops.ts";
import { bools } from "../host.ts";
import type { OpsLaw } from "../law.ts";
import { apart, floats, type Spec, value } from "./spec.ts";

type Titled = readonly (readonly [string, Spec["program"]])[];

const moves: Titled = [
  ["reshape", (o, x) => o.reshape(x.m!, [4, 1, 6])],
  ["transpose", (o, x) => o.reshape(o.transpose(x.m!, [1, 0]), [4, 1, 6])],
  ["slice", (o, x) => o.reshape(o.slice(x.m!, 0, 2, 4), [4, 2, 1])],
  ["concat", (o, x) => o.reshape(o.concat([x.m!, x.m!], 1), [8, 1, 6])],
  ["take", (o, x) => o.reshape(o.take(x.m!, 0, [5, 0, 0, 3]), [4, 4, 1])],
];

const kept: OpsLaw = {
  name: "op-boolean-moves",
  rules: "Ops",
  says: "masks can be reshaped, transposed, sliced, joined and taken from; they stay boolean, and still select",
  cases: moves.flatMap(([title, mask]) => [
    value({
      title,
      inputs: (random) => ({ m: bools([6, 4], () => random.chance(0.5)), ...apart({ a: [1] })(random) }),
      exact: true,
      program: (o, x) => o.where(mask(o, x), x.a!, 0),
    }),
    value({
      title: `${title}, downloaded`,
      inputs: (random) => ({ m: bools([6, 4], () => random.chance(0.5)) }),
      exact: true,
      program: mask,
    }),
  ]),
};

const binary = ["add", "sub", "mul", "maximum", "minimum"] as const;
const reductions = ["sum", "cumsum", "max"] as const;
const two = <T>(o: Ops<T>, x: Tensors<T>, op: (typeof binary)[number]): T =>
  o.concat([o[op](x.m!, x.a!), o[op](x.a!, x.m!), o[op](x.m!, x.m!)], 0);

const numbers: Titled = [
  ...binary.map((op) => [op, (o, x) => two(o, x, op)] as Titled[number]),
  ...binary.map((op) => [`${op}, booleans alone`, (o, x) => o[op](x.m!, x.m!)] as Titled[number]),
  ["a number minus booleans", (o, x) => o.sub(1, x.m!)],
  ["booleans times a number", (o, x) => o.mul(x.m!, 2.5)],
  ["div", (o, x) => o.div(x.m!, x.a!)],
  ...reductions.map((op) => [op, (o, x) => o[op](x.m!, 1)] as Titled[number]),
  ["exp", (o, x) => o.exp(x.m!)],
  ["tanh", (o, x) => o.tanh(x.m!)],
  ["log", (o, x) => o.log(x.m!)],
  ["matmul", (o, x) => o.matmul(x.m!, x.a!)],
  ["matmul, booleans second", (o, x) => o.matmul(x.a!, x.m!)],
  ["matmul, booleans alone", (o, x) => o.matmul(x.m!, x.m!)],
  ["where", (o, x) => o.where(x.a!, x.m!, x.a!)],
  ["where, booleans alone", (o, x) => o.where(x.m!, x.m!, x.m!)],
  ["concat with floats", (o, x) => o.concat([x.m!, x.a!], 1)],
  ["concat after floats", (o, x) => o.concat([x.a!, x.m!], 0)],
];

const counted: OpsLaw = {
  name: "op-boolean-numbers",
  rules: "Ops",
  says: "beside floats, and wherever operations compute, a boolean counts as 0 or 1, and the result is a float",
  cases: [
    ...numbers.map(([title, program]) =>
      value({
        title,
        inputs: (random) => ({ m: bools([3, 3], () => random.chance(0.5)), ...apart({ a: [3, 3] })(random) }),
        program,
      }),
    ),
    {
      title: "any byte but 0 counts as 1",
      async run(checker) {
        // Devices may hold a mask otherwise than it is downloaded.
        const m = checker.hold(checker.backend.upload(Uint8Array.of(0, 1, 2, 255), [4]));
        const run = checker.backend.compile((o, x) => ({ count: o.mul(x.m!, 3) }));
        const { count } = await checker.downloads(await run({ m }));
        checker.same("3 m", count!, floats([4], 0, 3, 3, 3));
      },
    },
  ],
};

export const booleanLaws: readonly OpsLaw[] = [kept, counted];
