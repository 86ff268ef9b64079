import type { Shape } from "@attnkit/core";
import { broadcastLoops, collapse, elementCount, type Loops, strides } from "@attnkit/core/backend";
import type { ElementType, GpuTensor } from "../tensor.ts";
import { beginElement, eachElement, elementAt, type Gpu, numberAt, run, THREADS } from "./gpu.ts";
import { numbers } from "./numbers.ts";

/** A tensor that a kernel reads or writes, and the index of its element that belongs to element 0. */
export interface Walked {
  readonly x: GpuTensor;
  readonly start?: number;
}

/**
 * Makes a tensor from one element of each operand: `expression` is WGSL over `a0`, `a1`, ... Operands broadcast to `shape`.
 * The name must tell which expression it is, for debuggers. `dtype` is the type of the result, default `"float32"`.
 */
export function pointwise(
  gpu: Gpu,
  name: string,
  expression: string,
  operands: readonly (GpuTensor | number)[],
  shape: Shape,
  dtype?: ElementType,
): GpuTensor {
  const out = gpu.memory.make(shape, dtype);
  // A tensor that is given twice is bound once.
  const tensors = [...new Set(operands.filter((x) => typeof x !== "number"))];
  const loops = broadcastLoops(
    shape,
    tensors.map((x) => x.shape),
  );
  const values = operands.map((x, i) => {
    const of = tensors.indexOf(x as GpuTensor);
    return `let a${i} = ${typeof x === "number" ? `p.c${i}` : numberAt(`x${of}`, x, `at${of}`)};`;
  });
  const { lines, sizes } = walk(
    loops,
    tensors.map((_, t) => ({ at: `at${t}`, start: 0, steps: loops.steps[t]! })),
  );
  eachElement(gpu, {
    ...{ name, functions: numbers, out, sizes, inputs: named(tensors) },
    body: [...lines, ...values, `return ${expression};`].map((line) => `\n  ${line}`).join(""),
    floats: Object.fromEntries(operands.flatMap((x, i) => (typeof x === "number" ? [[`c${i}`, x]] : []))),
  });
  return out;
}

const named = (tensors: readonly GpuTensor[]) => Object.fromEntries(tensors.map((x, t) => [`x${t}`, x]));

/** Fills a new tensor with one number, which may be infinite. */
export const filled = (gpu: Gpu, value: number, shape: Shape): GpuTensor =>
  pointwise(gpu, "fill", "a0", [value], shape);

/**
 * Copies elements. The first entry of `loops.steps` is the distance between neighbours in the source, the second the distance in
 * the target. Without a second entry, the target is written in order. Distances may be negative.
 */
export function copyElements(gpu: Gpu, from: Walked, to: Walked, loops: Loops): void {
  const words = pairs(from, to, loops);
  if (words === undefined) copy(gpu, from, to, loops);
  else {
    const { memory } = gpu;
    const [source, target] = [from, to].map(({ x, start = 0 }) => {
      const n = Math.floor(elementCount(x.shape) / 2);
      return { x: memory.alias(x, [n], "boolean"), start: start / 2 };
    }) as [Walked, Walked];
    copy(gpu, source, target, words);
    memory.free(source.x);
    memory.free(target.x);
  }
}

/** Returns the loops over words of two halves if all that is copied are whole words, which keeps every bit. */
function pairs(from: Walked, to: Walked, { sizes, steps }: Loops): Loops | undefined {
  if (from.x.dtype !== "float16" || to.x.dtype !== "float16") return undefined;
  if (from.x.strides || to.x.strides) return undefined;
  const last = sizes.length - 1;
  const even = (n: number) => n % 2 === 0;
  const whole = (list: readonly number[]) =>
    list[last] === 1 && list.every((n, axis) => axis === last || sizes[axis] === 1 || even(n));
  const starts = [from, to].every(({ start = 0 }) => even(start));
  if (!starts || !even(sizes[last]!) || !steps.every(whole)) return undefined;
  const halved = (list: readonly number[], own: number) =>
    list.map((n, axis) => (axis === last ? own : Math.trunc(n / 2)));
  return {
    sizes: sizes.map((n, axis) => (axis === last ? n / 2 : n)),
    steps: steps.map((list) => halved(list, 1)),
  };
}

function copy(gpu: Gpu, from: Walked, { x: out, start: outStart = 0 }: Walked, loops: Loops): void {
  const inputs = { x0: from.x };
  const read = { at: "at0", start: from.start ?? 0, steps: loops.steps[0]! };
  const value = (out.dtype === "boolean" ? elementAt : numberAt)("x0", from.x, "at0");
  const n = elementCount(loops.sizes);
  if (n === 0) return;
  if (loops.steps.length === 1) {
    const { lines, sizes } = walk(loops, [read]);
    const body = [...lines, `return ${value};`].map((line) => `\n  ${line}`).join("");
    eachElement(gpu, { name: "copy", body, inputs, out, sizes });
    return;
  }
  const { lines, sizes } = walk(loops, [read, { at: "to", start: outStart, steps: loops.steps[1]! }]);
  const write = out.dtype === "boolean" ? `y[to] = ${value};` : `y_put(to, ${value});`;
  run(gpu, {
    name: "copy",
    code: `${beginElement}${[...lines, write].map((line) => `  ${line}\n`).join("")}}`,
    inputs,
    outputs: { y: out },
    sizes: { n, ...sizes },
    groups: Math.ceil(n / THREADS),
  });
}

/** Makes a row-major copy of a tensor, of another shape if it is given. */
export function compact(gpu: Gpu, x: GpuTensor, shape: Shape = x.shape): GpuTensor {
  const { memory } = gpu;
  const out = memory.make(shape, x.dtype);
  const from = x.strides ? memory.elements(x) : x;
  copyElements(gpu, { x: from }, { x: out }, collapse(x.shape, [x.strides ?? strides(x.shape)]));
  if (from !== x) memory.free(from);
  return out;
}

/** A position that moves with the loops: the name of its variable in WGSL, and its steps. */
interface Place {
  readonly at: string;
  readonly start: number;
  readonly steps: readonly number[];
}

/**
 * Returns WGSL that finds the places of the element of the loops whose index is the variable `index`. The sizes are
 * parameters: a kernel depends on the number of axes only.
 */
export function walk(
  { sizes: counts }: Loops,
  places: readonly Place[],
  index = "i",
): { lines: string[]; sizes: Record<string, number> } {
  // Two axes are the least that loops have. The first has size 1 if all operands are contiguous or single elements.
  const axes = counts.map((_, axis) => axis).slice(counts[0] === 1 ? 1 : 0);
  const sizes: Record<string, number> = {};
  if (places.length === 0) return { lines: [], sizes };
  for (const axis of axes.slice(1)) sizes[`n${axis}`] = counts[axis]!;
  for (const { at, start, steps } of places) {
    sizes[`${at}_start`] = start;
    for (const axis of axes) sizes[`${at}_${axis}`] = steps[axis]!;
  }
  const lines = axes.toReversed().map((axis, k) => {
    const here = k === axes.length - 1 ? "rest" : `rest % p.n${axis}`;
    const next = k === axes.length - 1 ? "" : ` rest /= p.n${axis};`;
    return `{ let j = ${here};${next} ${places.map(({ at }) => `${at} += j * p.${at}_${axis};`).join(" ")} }`;
  });
  return { lines: [`var rest = ${index};`, ...places.map(({ at }) => `var ${at} = p.${at}_start;`), ...lines], sizes };
}
