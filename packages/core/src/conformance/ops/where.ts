import type { Tensors } from "../../program/block.ts";
import type { Ops } from "../../program/ops.ts";
import type { Checker } from "../checker.ts";
import { bools, host } from "../host.ts";
import type { Case, OpsLaw } from "../law.ts";
import { triples } from "./sizes.ts";
import { apart, both, floats, gradient, large, type Spec, value } from "./spec.ts";
import { ofViews } from "./views.ts";

const inf = Number.POSITIVE_INFINITY;

/** A number far below the rounding of 1 is not 0. */
const tiny: Case<Checker> = {
  title: "a mask of 1e-30",
  async run(checker) {
    if (checker.backend.dtype === "float16") return;
    const inputs = { m: floats([3], 1e-30, 0, -1e-30), a: floats([3], 1, 2, 3) };
    await value({ title: "", inputs, exact: true, program: (o, x) => o.where(x.m!, x.a!, 0) }).run(checker);
  },
};

export const whereLaw: OpsLaw = {
  name: "op-where",
  rules: "Ops S9",
  says: "where selects: by a boolean or a float mask, under broadcasting; what is not chosen never leaks, not even NaN",
  cases: [
    ...triples.flatMap(([m, a, b], n) =>
      [false, true].flatMap((float): Case<Checker>[] => {
        const spec: Spec = {
          title: `${float ? "float" : "boolean"} mask [${m}], [${a}], [${b}]`,
          inputs: (random) => {
            const mask = bools(m, () => random.chance(0.5));
            return { m: float ? host(m, (i) => mask.data[i]! * random.normal()) : mask, ...apart({ a, b })(random) };
          },
          exact: true,
          program: (o, x) => o.where(x.m!, x.a!, x.b!),
        };
        return float || n > 6 ? [value(spec)] : both(spec);
      }),
    ),
    ...(
      [
        ["number else tensor", (o, x) => o.where(x.m!, 2, x.a!)],
        ["tensor else number", (o, x) => o.where(x.m!, x.a!, -3)],
        ["tensor else -Infinity", (o, x) => o.where(x.m!, x.a!, Number.NEGATIVE_INFINITY)],
        ["number else number", (o, x) => o.add(o.where(x.m!, 1, 0), o.mul(x.a!, 0))],
      ] as readonly (readonly [string, Spec["program"]])[]
    ).map(([title, program]) =>
      value({
        title,
        inputs: (random) => ({ m: bools([3, 5], () => random.chance(0.5)), ...apart({ a: [3, 5] })(random) }),
        exact: true,
        program,
      }),
    ),
    value({
      title: "NaN and infinities that are not chosen",
      inputs: {
        m: bools([6], (i) => i % 2 === 0),
        a: floats([6], 1, Number.NaN, 2, inf, 3, -inf),
        b: floats([6], Number.NaN, 4, inf, 5, -inf, 6),
      },
      exact: true,
      program: (o, x) => o.where(x.m!, x.a!, x.b!),
    }),
    value({
      title: "masks of any non-zero number, NaN among them",
      inputs: {
        m: floats([9], -1, 0, 0.5, -0, inf, -inf, 1e4, Number.NaN, 256),
        a: floats([9], 1, 2, 3, 4, 5, 6, 7, 8, 9),
      },
      exact: true,
      program: (o, x) => o.where(x.m!, x.a!, 0),
    }),
    gradient({
      title: "NaN that is not chosen",
      inputs: { m: bools([4], (i) => i < 2), a: floats([4], 1, 2, 3, 4), b: floats([4], 5, 6, 7, 8) },
      program: (o, x) => o.where(x.m!, x.a!, o.mul(x.b!, 2)),
    }),
    gradient({
      title: "a mask of other numbers than 0 and 1",
      inputs: apart({ a: [3], b: [3] }),
      program: (o, x) => o.where(o.constant([2, 0, -3], [3]), x.a!, x.b!),
    }),
    tiny,
    ...ofViews("a mask and two choices of", (o, view, x) => o.where(o.maximum(view, 0), view, x.a!), {
      ...{ exact: true, shapes: { a: [4, 3] } },
    }),
    ...(
      [
        ["transposed", [3, 2], (o, x) => o.where(o.transpose(x.m!, [1, 0]), x.a!, 0)],
        ["sliced", [2, 4], (o, x) => o.where(o.slice(x.m!, 1, 1, 4), x.a!, 0)],
      ] as readonly (readonly [string, readonly number[], Spec["program"]])[]
    ).map(([title, shape, program]) =>
      value({
        title: `a ${title} mask`,
        inputs: { m: floats(shape, 1, 0, 0, 1, 1, 0, 1, 1), a: floats([2, 3], 1, 2, 3, 4, 5, 6) },
        exact: true,
        program,
      }),
    ),
    large((o, x) => o.where(o.sub(x.a!, x.b!), x.a!, -1)),
    // Backends that record may merge a selection with the operations before it.
    ...(
      [
        ["the mask itself else 1", (o, x) => o.where(x.m!, x.m!, 1)],
        ["another tensor else 1", (o, x) => o.where(x.m!, x.a!, 1)],
        ["a mask of constants", (o, x) => o.where(o.constant([-1, 0, 0.5, 0, 3], [5]), x.a!, x.m!)],
        ["selected numbers joined with others", (o, x) => o.where(joinedMask(o, x), 2, -3)],
        ["a constant of more axes else 0", (o, x) => o.where(x.m!, o.constant([1], [1, 1, 1]), 0)],
      ] as readonly (readonly [string, Spec["program"]])[]
    ).map(([title, program]) =>
      value({
        title,
        inputs: { m: floats([5], -1, 0, 0.5, 0, 3), a: floats([5], 4, 5, -6, -7, 8) },
        exact: true,
        program,
      }),
    ),
  ],
};

/** A float mask that was itself selected in part. */
const joinedMask = <T>(o: Ops<T>, x: Tensors<T>): T =>
  o.concat([o.where(x.m!, 1, 0), o.constant([0.5, 0, -2, 0], [4])], 0);
