import type { Shape } from "@attnkit/core";
import { broadcastLoops, collapse, elementCount, type Loops, strides } from "@attnkit/core/backend";
import type { GpuTensor } from "../tensor.ts";
import { beginElement, type Gpu, numberAt, run, THREADS } from "./gpu.ts";
import { numbers } from "./numbers.ts";

/** A tensor that a pointwise kernel reads or writes, and the index of its element that belongs to element 0. */
export interface Walked {
  readonly x: GpuTensor;
  readonly start?: number;
}

/**
 * Makes a tensor from one element of each operand: `expression` is WGSL over `a0`, `a1`, ... Operands broadcast to `shape`.
 * The name must tell which expression it is, for debuggers.
 */
export function pointwise(
  gpu: Gpu,
  name: string,
  expression: string,
  operands: readonly (GpuTensor | number)[],
  shape: Shape,
): GpuTensor {
  const out = gpu.memory.make(shape);
  // A tensor that is given twice is bound once.
  const tensors = [...new Set(operands.filter((x) => typeof x !== "number"))];
  const loops = broadcastLoops(
    shape,
    tensors.map((x) => x.shape),
  );
  const values = operands.map((x, i) => {
    const of = tensors.indexOf(x as GpuTensor);
    return typeof x === "number" ? `p.c${i}` : numberAt(`x${of}`, x, `at${of}`);
  });
  const floats = Object.fromEntries(operands.flatMap((x, i) => (typeof x === "number" ? [[`c${i}`, x]] : [])));
  const code = `${values.map((value, i) => `  let a${i} = ${value};\n`).join("")}  y[i] = ${expression};`;
  walk(gpu, { name, loops, tensors: tensors.map((x) => ({ x })), out, code, floats });
  return out;
}

/** Fills a new tensor with one number, which may be infinite. */
export const filled = (gpu: Gpu, value: number, shape: Shape): GpuTensor =>
  pointwise(gpu, "fill", "a0", [value], shape);

/**
 * Copies elements. The first entry of `loops.steps` is the distance between neighbours in the source, the second the distance in
 * the target. Without a second entry, the target is written in order. Distances may be negative.
 */
export function copyElements(gpu: Gpu, from: Walked, to: Walked, loops: Loops): void {
  const scattered = loops.steps.length > 1;
  const value = from.x.dtype === to.x.dtype ? "x0[at0]" : numberAt("x0", from.x, "at0");
  walk(gpu, {
    name: "copy",
    loops,
    tensors: [from],
    out: to.x,
    ...(scattered && { outStart: to.start ?? 0 }),
    code: `  y[${scattered ? "to" : "i"}] = ${value};`,
    floats: {},
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

interface Walk {
  readonly name: string;
  readonly loops: Loops;
  readonly tensors: readonly Walked[];
  readonly out: GpuTensor;
  /** Where the output is written, if it is not written in order: its steps are the last of `loops`. */
  readonly outStart?: number;
  /** WGSL over `i`, `at0`, `at1`, ... and `to`. */
  readonly code: string;
  readonly floats: Readonly<Record<string, number>>;
}

/** Runs one thread for every element of the loops. The sizes are parameters: a kernel depends on the number of axes only. */
function walk(gpu: Gpu, { name, loops, tensors, out, outStart, code, floats }: Walk): void {
  const n = elementCount(loops.sizes);
  if (n === 0) return;
  const places = [
    ...tensors.map(({ start = 0 }, t) => ({ at: `at${t}`, start, steps: loops.steps[t]! })),
    ...(outStart === undefined ? [] : [{ at: "to", start: outStart, steps: loops.steps[tensors.length]! }]),
  ];
  // Two axes are the least that loops have. The first has size 1 if all operands are contiguous or single elements.
  const axes = loops.sizes.map((_, axis) => axis).slice(loops.sizes[0] === 1 ? 1 : 0);
  const sizes: Record<string, number> = { n };
  for (const axis of axes.slice(1)) sizes[`n${axis}`] = loops.sizes[axis]!;
  for (const { at, start, steps } of places) {
    sizes[`${at}_start`] = start;
    for (const axis of axes) sizes[`${at}_${axis}`] = steps[axis]!;
  }
  const lines = axes.toReversed().map((axis, k) => {
    const index = k === axes.length - 1 ? "rest" : `rest % p.n${axis}`;
    const next = k === axes.length - 1 ? "" : ` rest /= p.n${axis};`;
    return `  { let j = ${index};${next} ${places.map(({ at }) => `${at} += j * p.${at}_${axis};`).join(" ")} }\n`;
  });
  const starts = places.map(({ at }) => `  var ${at} = p.${at}_start;\n`).join("");
  const position = places.length === 0 ? "" : `  var rest = i;\n${starts}${lines.join("")}`;
  run(gpu, {
    name,
    code: `${numbers}${beginElement}${position}${code}\n}`,
    inputs: Object.fromEntries(tensors.map(({ x }, t) => [`x${t}`, x])),
    outputs: { y: out },
    sizes,
    floats,
    groups: Math.ceil(n / THREADS),
  });
}
