import type { NdArray } from "@attnkit/cpu";

/** Every operation once more, one element and one index at a time: shares nothing with the backend. */
export interface Plain {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export const plain = (x: NdArray): Plain => ({ shape: [...x.shape], data: [...x.data] });

/** Every index of a shape, the last axis fastest. */
const indices = (shape: readonly number[]): number[][] =>
  shape.reduce<number[][]>(
    (all, n) => all.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i])),
    [[]],
  );

/** The tensor whose element at `index` is `f(index)`. */
const build = (shape: readonly number[], f: (index: number[]) => number): Plain => ({
  shape,
  data: indices(shape).map(f),
});

/** `x[index]`; axes that `x` lacks in front are ignored and axes of size 1 stand for every entry. */
function get(x: Plain, index: readonly number[]): number {
  const own = index.slice(index.length - x.shape.length);
  let at = 0;
  x.shape.forEach((n, axis) => {
    at = at * n + (n === 1 ? 0 : own[axis]!);
  });
  return x.data[at]!;
}

const scalar = (x: Plain | number): Plain => (typeof x === "number" ? { shape: [], data: [x] } : x);

function broadcast(shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((s) => s[s.length - rank + i] ?? 1);
    return sizes.find((n) => n !== 1) ?? 1;
  });
}

const zip =
  (f: (...values: number[]) => number) =>
  (...xs: (Plain | number)[]): Plain =>
    build(broadcast(xs.map((x) => scalar(x).shape)), (i) => f(...xs.map((x) => get(scalar(x), i))));

const along = (x: Plain, axis: number) => (axis < 0 ? axis + x.shape.length : axis);
const line = (x: Plain, index: number[], axis: number) =>
  Array.from({ length: x.shape[axis]! }, (_, i) => get(x, index.with(axis, i)));
const total = (values: number[]) => values.reduce((a, b) => a + b, 0);

export const naive = {
  add: zip((a, b) => a! + b!),
  sub: zip((a, b) => a! - b!),
  mul: zip((a, b) => a! * b!),
  div: zip((a, b) => a! / b!),
  maximum: zip((a, b) => Math.max(a!, b!)),
  minimum: zip((a, b) => Math.min(a!, b!)),
  where: zip((m, a, b) => (m !== 0 ? a! : b!)),
  exp: zip((a) => Math.exp(a!)),
  log: zip((a) => Math.log(a!)),
  tanh: zip((a) => Math.tanh(a!)),
  transpose: (x: Plain, perm: readonly number[]): Plain =>
    build(
      perm.map((p) => x.shape.at(p)!),
      (index) => {
        const from = Array<number>(perm.length);
        perm.forEach((p, i) => {
          from[along(x, p)] = index[i]!;
        });
        return get(x, from);
      },
    ),
  slice: (x: Plain, axis: number, start: number, end: number): Plain =>
    build(x.shape.with(axis, end - start), (i) => get(x, i.with(along(x, axis), i.at(axis)! + start))),
  take: (x: Plain, axis: number, indices: readonly number[]): Plain =>
    build(x.shape.with(axis, indices.length), (i) => get(x, i.with(along(x, axis), indices[i.at(axis)!]!))),
  concat: (xs: readonly Plain[], axis: number): Plain =>
    build(xs[0]!.shape.with(axis, total(xs.map((x) => x.shape.at(axis)!))), (index) => {
      let at = index.at(axis)!;
      for (const x of xs) {
        if (at < x.shape.at(axis)!) return get(x, index.with(along(x, axis), at));
        at -= x.shape.at(axis)!;
      }
      throw new Error("out of range");
    }),
  sum: (x: Plain, axis: number): Plain => build(x.shape.with(axis, 1), (i) => total(line(x, i, along(x, axis)))),
  max: (x: Plain, axis: number): Plain => build(x.shape.with(axis, 1), (i) => Math.max(...line(x, i, along(x, axis)))),
  cumsum: (x: Plain, axis: number): Plain =>
    build(x.shape, (i) => total(line(x, i, along(x, axis)).slice(0, i.at(axis)! + 1))),
  matmul(a: Plain, b: Plain): Plain {
    const lead = broadcast([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
    const [m, k, n] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
    const matrices = (x: Plain) => ({ shape: x.shape.slice(0, -2), data: [...x.data.keys()] });
    const data: number[] = [];
    for (const batch of indices(lead)) {
      const p = get(matrices(a), batch) * m * k;
      const q = get(matrices(b), batch) * k * n;
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let l = 0; l < k; l++) sum += a.data[p + i * k + l]! * b.data[q + l * n + j]!;
          data.push(sum);
        }
    }
    return { shape: [...lead, m, n], data };
  },
};
