import { isAttentionError, type Tensors } from "@attnkit/core";
import { type Program, programCost, vjp } from "@attnkit/core/backend";
import type { Ops } from "@attnkit/core/program";
import { cpu, type NdArray } from "@attnkit/cpu";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { axed, broadcasting, bytes, random, uniform } from "./arbitrary.ts";

fc.configureGlobal({ seed: 20261101, numRuns: 40 });

const backend = cpu({ dtype: "float64" });
const o = backend.ops;
const tensor = (seed: number, shape: readonly number[], f = (x: number) => x): NdArray =>
  o.constant(uniform(random(seed), shape).map(f), shape);

/** `sum over outputs of <seed, output>`: what `vjp` differentiates. */
function value(program: Program, x: Tensors<NdArray>, seeds: Tensors<NdArray>): number {
  const out = program(o, x);
  let total = 0;
  for (const [name, seed] of Object.entries(seeds))
    for (const [i, s] of seed.data.entries()) total += s * out[name]!.data[i]!;
  return total;
}

/** Checks every element of every gradient against `(f(x + h) - f(x - h)) / 2h`; returns the gradients. */
function check(program: Program, x: Tensors<NdArray>, wrt = Object.keys(x)): Tensors<NdArray> {
  const seeds = Object.fromEntries(
    Object.entries(program(o, x)).map(([name, y], i) => [name, tensor(900 + i, y.shape)] as const),
  );
  const got = vjp(o, program, x, seeds, wrt);
  expect(Object.keys(got)).toEqual(wrt);
  const h = 1e-5;
  for (const name of wrt) {
    const at = x[name]!;
    expect(got[name]!.shape, name).toEqual(at.shape);
    at.data.forEach((v, i) => {
      const moved = (to: number) => value(program, { ...x, [name]: { ...at, data: at.data.with(i, to) } }, seeds);
      const expected = (moved(v + h) - moved(v - h)) / (2 * h);
      const error = Math.abs(got[name]!.data[i]! - expected);
      expect(error, `${name}[${i}]: got ${got[name]!.data[i]}, expected ${expected}`).toBeLessThan(
        1e-6 * (1 + Math.abs(expected)),
      );
    });
  }
  return got;
}

/** Away from 0, where `div` and `log` are smooth. */
const positive = (x: number) => 0.5 + Math.abs(x);

describe("gradients against central differences", () => {
  test.each(["add", "sub", "mul", "div", "maximum", "minimum"] as const)("%s, broadcast on both sides", (op) => {
    fc.assert(
      fc.property(broadcasting(2), fc.nat(1000), ([sa, sb], s) => {
        const b = tensor(s + 1, sb!, op === "div" ? positive : (x) => x);
        check((o, x) => ({ y: o[op](x.a!, x.b!) }), { a: tensor(s, sa!), b });
      }),
    );
    const x = { x: tensor(1, [2, 3], positive) };
    check((o, { x }) => ({ y: o[op](x!, 0.7), z: o[op](0.7, x!), square: o[op](x!, o.mul(x!, x!)) }), x);
  });

  test("where", () => {
    fc.assert(
      fc.property(broadcasting(3), fc.nat(1000), ([sm, sa, sb], s) => {
        const mask = backend.upload(bytes(random(s), sm!), sm!);
        const program: Program = (o, x) => ({ y: o.where(x.m!, x.a!, x.b!), n: o.where(x.m!, 2, x.b!) });
        check(program, { m: mask, a: tensor(s + 1, sa!), b: tensor(s + 2, sb!) }, ["a", "b"]);
      }),
    );
  });

  test.each(["exp", "log", "tanh"] as const)("%s", (op) => {
    check((o, { x }) => ({ y: o[op](x!) }), { x: tensor(1, [3, 5], positive) });
  });

  test.each(["sum", "max", "cumsum"] as const)("%s, along every axis", (op) => {
    const program =
      (axis: number): Program =>
      (o, { x }) => ({ y: o[op](x!, axis), z: o.mul(o[op](x!, axis), x!) });
    for (const shape of [[5], [2, 3], [2, 1, 4], [0, 3]])
      for (let axis = -shape.length; axis < shape.length; axis++) check(program(axis), { x: tensor(axis + 9, shape) });
  });

  test("moves", () => {
    fc.assert(
      fc.property(axed(), fc.array(fc.nat(), { maxLength: 6 }), fc.nat(), fc.nat(), ({ shape, axis }, picks, p, q) => {
        const n = shape.at(axis)!;
        const x = { x: tensor(p % 99, shape), w: tensor(q % 99, shape) };
        const [start, end] = [p % (n + 1), q % (n + 1)].sort((a, b) => a - b) as [number, number];
        const indices = n === 0 ? [] : picks.map((i) => i % n);
        const perm = [...shape.keys()].reverse();
        check(
          (o, { x, w }) => ({
            slice: o.slice(x!, axis, start, end),
            take: o.take(x!, axis, indices),
            turned: o.take(x!, axis, [...Array(n).keys()].reverse()),
            concat: o.mul(o.concat([x!, w!, x!], axis), 2),
            transpose: o.transpose(o.mul(x!, w!), perm),
            back: o.transpose(
              x!,
              perm.map((a) => a - shape.length),
            ),
            reshape: o.reshape(x!, [...shape, 1]),
          }),
          x,
        );
      }),
      { numRuns: 25 },
    );
    check((o, { x }) => ({ y: o.transpose(x!, [2, 0, 1]) }), { x: tensor(1, [2, 3, 4]) });
  });

  test("matmul, broadcast batches", () => {
    const size = fc.nat(3);
    fc.assert(
      fc.property(broadcasting(2), size, size, size, ([sa, sb], m, k, n) => {
        const [left, right] = [sa!.slice(-2), sb!.slice(-2)];
        fc.pre(left.every((s) => s < 4) && right.every((s) => s < 4));
        check((o, x) => ({ y: o.matmul(x.a!, x.b!) }), {
          a: tensor(m, [...left, m, k]),
          b: tensor(n, [...right, k, n]),
        });
      }),
    );
    check((o, { x }) => ({ y: o.matmul(x!, o.transpose(x!, [0, 2, 1])) }), { x: tensor(1, [2, 3, 4]) });
  });

  test("softmax attention", () => {
    check(
      (o, { q, k, v, m }) => {
        const scores = o.where(m!, o.matmul(q!, o.transpose(k!, [0, 2, 1])), -1e30);
        const weights = o.exp(o.sub(scores, o.max(scores, -1)));
        return { y: o.matmul(o.div(weights, o.sum(weights, -1)), v!) };
      },
      {
        q: tensor(1, [2, 3, 4]),
        k: tensor(2, [2, 5, 4]),
        v: tensor(3, [2, 5, 2]),
        m: backend.upload(Uint8Array.of(1, 0, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1), [3, 5]),
      },
      ["q", "k", "v"],
    );
  });

  test("a gradient of a gradient", () => {
    const program: Program = (o, { x }) => ({ y: o.exp(o.mul(o.tanh(x!), o.cumsum(x!, 0))) });
    const inner: Program = (o, { x, s }) => vjp(o, program, { x: x! }, { y: s! }, ["x"]);
    check(inner, { x: tensor(1, [4]), s: tensor(2, [4]) });
  });
});

describe("what is not smooth", () => {
  const gradient = (program: Program, x: number[], seed: number[], shape = [x.length]) => [
    ...vjp(o, program, { x: o.constant(x, shape) }, { y: o.constant(seed, [seed.length]) }, ["x"]).x!.data,
  ];

  test("ties share equally", () => {
    expect(gradient((o, { x }) => ({ y: o.maximum(x!, 0) }), [-1, 0, 2], [8, 8, 8])).toEqual([0, 4, 8]);
    expect(gradient((o, { x }) => ({ y: o.minimum(0, x!) }), [-1, 0, 2], [8, 8, 8])).toEqual([8, 4, 0]);
    expect(gradient((o, { x }) => ({ y: o.max(x!, 0) }), [3, 1, 3, 2], [8])).toEqual([4, 0, 4, 0]);
    expect(gradient((o, { x }) => ({ y: o.maximum(x!, x!) }), [3, -3], [8, 8])).toEqual([8, 8]);
  });

  test("what `where` did not choose gets 0, even beside NaN", () => {
    const mask = [1, 0, 1, 0];
    const program: Program = (o, { x }) => ({ y: o.where(o.constant(mask, [4]), x!, 0) });
    expect(gradient(program, [1, Number.NaN, 2, Infinity], [1, Number.NaN, 3, Infinity])).toEqual([1, 0, 3, 0]);
    const safe: Program = (o, { x }) => {
      const kept = o.where(o.constant(mask, [4]), x!, 1);
      return { y: o.where(o.constant(mask, [4]), o.log(kept), 0) };
    };
    expect(gradient(safe, [1, 0, 2, -1], [1, 1, 1, 1])).toEqual([1, 0, 0.5, 0]);
  });

  test("a running sum does not lose small gradients beside large ones", () => {
    expect(gradient((o, { x }) => ({ y: o.cumsum(x!, 0) }), [0, 0, 0], [1e20, 1, 2])).toEqual([1e20, 3, 2]);
  });
});

describe("vjp", () => {
  const x = { a: tensor(1, [2]), b: tensor(2, [2]) };
  const seeds = { y: o.constant([1, 1], [2]) };

  test("what the outputs do not depend on has gradient 0, in its own shape, booleans too", () => {
    const m = backend.upload(Uint8Array.of(1, 0), [2, 1]);
    const got = vjp(o, (o, { a, m }) => ({ y: a!, z: o.where(m!, a!, 1) }), { ...x, m }, seeds, ["b", "m"]);
    expect(got.b).toEqual(o.constant([0, 0], [2]));
    expect(got.m).toEqual(o.constant([0, 0], [2, 1]));
  });

  test("an input that is an output has its seed as gradient; seeds of several outputs add up", () => {
    const program: Program = (o, { a }) => ({ y: a!, z: o.mul(a!, 3) });
    expect([...vjp(o, program, x, { ...seeds, z: o.constant([1, 2], [2]) }, ["a"]).a!.data]).toEqual([4, 7]);
  });

  test("computes nothing that does not lead from `wrt` to a seed", () => {
    const program: Program = (o, { a, b }) => ({
      y: o.mul(o.exp(b!), a!),
      unused: o.matmul(o.reshape(a!, [1, 2]), o.reshape(b!, [2, 1])),
    });
    const shapes = { a: [2], b: [2], s: [2] };
    const forward = programCost(program, shapes).ops;
    const extra = (wrt: string) =>
      programCost((o, { s, ...x }) => vjp(o, program, x, { y: s! }, [wrt]), shapes).ops - forward;
    expect(extra("a")).toBe(1); // s * exp(b)
    expect(extra("b")).toBe(2); // s * a * exp(b)
  });

  test("runs through the backend", async () => {
    const got = await backend.vjp((o, { a, b }) => ({ y: o.mul(a!, b!) }), x, seeds, ["a"]);
    expect(got.a!.data).toEqual(x.b.data);
  });

  const sum = <T>(o: Ops<T>, { a, b }: Tensors<T>): Tensors<T> => ({ y: o.add(a!, b!) });
  test.each([
    ["a seed of another shape", () => vjp(o, sum, x, { y: o.constant([1], [1]) }, ["a"])],
    ["a seed of no output", () => vjp(o, sum, x, { z: seeds.y }, ["a"])],
    ["a gradient of no input", () => vjp(o, sum, x, seeds, ["c"])],
  ])("refuses %s", (_, run) => {
    let error: unknown;
    try {
      run();
    } catch (e) {
      error = e;
    }
    expect(isAttentionError(error, "ATTN_SHAPE"), String(error)).toBe(true);
  });
});
