import type { Shape } from "../../program/ops.ts";
import { bools, host } from "../host.ts";
import type { OpsLaw } from "../law.ts";
import { concats, perms, reshapes, slices, takes } from "./sizes.ts";
import { apart, both, floats, gradient, type Spec, value } from "./spec.ts";

/** A law of an operation that moves numbers and computes none; the first `graded` cases have their gradients tested too. */
const moves = (op: string, says: string, specs: readonly Omit<Spec, "exact">[], graded: number): OpsLaw => ({
  name: `op-${op}`,
  rules: "Ops",
  says,
  cases: [
    ...specs.map((spec) => value({ ...spec, exact: true })),
    ...specs.slice(0, graded).map((spec) => gradient(spec)),
  ],
});

const boolean: OpsLaw = {
  name: "op-boolean-moves",
  rules: "Ops",
  says: "masks can be reshaped, transposed, sliced, joined and taken from, and still select",
  cases: (
    [
      ["reshape", (o, x) => o.reshape(x.m!, [4, 1, 6])],
      ["transpose", (o, x) => o.reshape(o.transpose(x.m!, [1, 0]), [4, 1, 6])],
      ["slice", (o, x) => o.reshape(o.slice(x.m!, 0, 2, 4), [4, 2, 1])],
      ["concat", (o, x) => o.reshape(o.concat([x.m!, x.m!], 1), [8, 1, 6])],
      ["take", (o, x) => o.reshape(o.take(x.m!, 0, [5, 0, 0, 3]), [4, 4, 1])],
    ] as readonly (readonly [string, Spec["program"]])[]
  ).map(([title, mask]) =>
    value({
      title,
      inputs: (random) => ({ m: bools([6, 4], () => random.chance(0.5)), ...apart({ a: [1] })(random) }),
      exact: true,
      program: (o, x) => o.where(mask(o, x), x.a!, 0),
    }),
  ),
};

const constants: OpsLaw = {
  name: "op-constant",
  rules: "Ops",
  says: "constant gives the listed numbers, row-major",
  cases: [
    ...([[], [3], [2, 3], [2, 1, 3], [0], [129]] as Shape[]).map((shape) =>
      value({
        title: `[${shape}]`,
        inputs: { a: host([1]) },
        exact: true,
        program: (o, x) => o.add(o.constant(host(shape, (i) => i - 2).data, shape), x.a!),
      }),
    ),
    value({
      title: "any array-like, infinities among it",
      inputs: { a: floats([4], -1, 2, 3, 4) },
      exact: true,
      program: (o, x) => o.maximum(o.constant([Number.NEGATIVE_INFINITY, 5, 0.5, 3.5], [4]), x.a!),
    }),
    ...both({
      title: "beside an input",
      inputs: apart({ a: [2, 3] }),
      program: (o, x) => o.mul(x.a!, o.constant(Float32Array.of(1, -2, 3), [3])),
    }),
  ],
};

export const moveLaws: readonly OpsLaw[] = [
  constants,
  moves(
    "reshape",
    "reshape keeps the row-major order; one size may be -1",
    reshapes.map(([from, to]) => ({
      title: `[${from}] to [${to}]`,
      inputs: apart({ a: from }),
      program: (o, x) => o.reshape(x.a!, to),
    })),
    6,
  ),
  moves(
    "transpose",
    "transpose permutes axes: axis i of the result is axis perm[i] of the argument",
    perms.map(([shape, perm]) => ({
      title: `[${shape}] by [${perm}]`,
      inputs: apart({ a: shape }),
      program: (o, x) => o.transpose(x.a!, perm),
    })),
    6,
  ),
  moves(
    "slice",
    "slice keeps start <= i < end of one axis",
    slices.map(([shape, axis, start, end]) => ({
      title: `[${shape}] axis ${axis}, ${start} to ${end}`,
      inputs: apart({ a: shape }),
      program: (o, x) => o.slice(x.a!, axis, start, end),
    })),
    8,
  ),
  moves(
    "concat",
    "concat joins along one axis, empty parts too",
    concats.map(([axis, ...shapes]) => ({
      title: `${shapes.map((s) => `[${s}]`).join(" ")} on axis ${axis}`,
      inputs: apart(Object.fromEntries(shapes.map((s, i) => [`x${i}`, s]))),
      program: (o, x) =>
        o.concat(
          shapes.map((_, i) => x[`x${i}`]!),
          axis,
        ),
    })),
    6,
  ),
  moves(
    "take",
    "take picks entries of one axis, in the given order, repeats allowed",
    takes.map(([shape, axis, indices]) => ({
      title: `[${shape}] axis ${axis}, entries ${indices.join(" ") || "none"}`,
      inputs: apart({ a: shape }),
      program: (o, x) => o.take(x.a!, axis, indices),
    })),
    6,
  ),
  boolean,
];
