import type { Shape } from "../../program/ops.ts";
import type { Checker } from "../checker.ts";
import { host } from "../host.ts";
import type { Case, OpsLaw } from "../law.ts";
import { concats, perms, reshapes, slices, takes } from "./sizes.ts";
import { apart, both, floats, gradient, large, type Spec, value } from "./spec.ts";
import { ofViews } from "./views.ts";

/** A law of an operation that moves numbers and computes none; the first `graded` cases have their gradients tested too. */
const moves = (
  op: string,
  says: string,
  specs: readonly Omit<Spec, "exact">[],
  graded: number,
  more: readonly Case<Checker>[] = [],
): OpsLaw => ({
  name: `op-${op}`,
  rules: "Ops",
  says,
  cases: [
    ...specs.map((spec) => value({ ...spec, exact: true })),
    ...more,
    ...specs.slice(0, graded).map((spec) => gradient(spec)),
  ],
});

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
    value({
      title: "numbers that float32 rounds",
      inputs: { a: floats([3], 1, 2, 3) },
      program: (o, x) => o.mul(o.constant([0.1, 1 / 3, -2.7], [3]), x.a!),
    }),
    value({
      title: "an array that is filled again afterwards",
      inputs: { a: floats([1], 0) },
      exact: true,
      program(o, x) {
        const place = Float32Array.of(1, 2, 3);
        const first = o.constant(place, [3]);
        place.fill(9);
        return o.add(first, x.a!);
      },
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
    [large((o, x) => o.reshape(x.a!, [-1]))],
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
    [
      value({
        title: "a transposed tensor",
        inputs: apart({ a: [2, 3, 4] }),
        exact: true,
        program: (o, x) => o.transpose(o.transpose(x.a!, [1, 2, 0]), [0, 2, 1]),
      }),
      value({
        title: "a transposed tensor that is reshaped",
        inputs: apart({ a: [2, 3, 4] }),
        exact: true,
        program: (o, x) => o.reshape(o.transpose(x.a!, [1, 0, 2]), [4, 6]),
      }),
      large((o, x) => o.transpose(x.a!, [1, 0]), { side: 257 }),
    ],
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
    [
      ...ofViews("of", (o, view) => o.slice(view, 0, 1, 3), { exact: true }),
      ...ofViews("its end, reshaped: of", (o, view) => o.reshape(o.slice(view, 1, 1, 3), [8]), { exact: true }),
      ...ofViews("transposed: of", (o, view) => o.transpose(o.slice(view, 0, 1, 4), [1, 0]), { exact: true }),
      large((o, x) => o.slice(x.a!, 0, 1, 65)),
    ],
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
    [
      ...ofViews("a tensor and", (o, view, x) => o.concat([x.a!, view], 0), { exact: true, shapes: { a: [2, 3] } }),
      large((o, x) => o.concat([x.b!, x.a!], 0)),
    ],
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
    [
      ...ofViews("of", (o, view) => o.take(view, 0, [2, 0, 2]), { exact: true }),
      value({
        title: "two lists of one length",
        inputs: apart({ a: [3, 2] }),
        exact: true,
        program: (o, x) => o.concat([o.take(x.a!, 0, [2, 0]), o.take(x.a!, 0, [1, 2])], 0),
      }),
      value({
        title: "the last of more than 65536 entries",
        inputs: { a: host([65537], (i) => i % 2000) },
        exact: true,
        program: (o, x) => o.take(x.a!, 0, [65536, 1, 65535]),
      }),
    ],
  ),
];
