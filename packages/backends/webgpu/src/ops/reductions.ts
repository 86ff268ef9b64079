import { elementCount, reduceShape } from "@attnkit/core/backend";
import type { EagerOps } from "@attnkit/core/program";
import type { GpuTensor } from "../tensor.ts";
import { type Around, around } from "./around.ts";
import { cumulative } from "./cumsum.ts";
import { begin, beginElement, type Gpu, numberAt, run, THREADS } from "./gpu.ts";
import { numbers } from "./numbers.ts";
import { filled } from "./pointwise.ts";

/** An associative operation, and its result over nothing. */
interface Reduction {
  readonly name: "sum" | "max";
  readonly none: number;
  /** WGSL of two operands. */
  join(a: string, b: string): string;
}

const sum: Reduction = { name: "sum", none: 0, join: (a, b) => `${a} + ${b}` };
const max: Reduction = { name: "max", none: Number.NEGATIVE_INFINITY, join: (a, b) => `larger(${a}, ${b})` };

/** Returns the operations along one axis. */
export function reductions(gpu: Gpu): Pick<EagerOps<GpuTensor>, "sum" | "max" | "cumsum"> {
  const { memory } = gpu;
  const along = (reduction: Reduction) => (x: GpuTensor, axis: number) => {
    const shape = reduceShape(reduction.name, memory.own(x).shape, axis);
    return reduced(gpu, reduction, x, around(reduction.name, x, axis), shape);
  };
  return {
    sum: along(sum),
    max: along(max),
    cumsum: (x, axis) => cumulative(gpu, memory.own(x), around("cumsum", x, axis)),
  };
}

/** Returns the sums of `x [count, ...rest]` over its first axis, of shape `rest`. */
export const sumOfParts = (gpu: Gpu, x: GpuTensor): GpuTensor => {
  const rest = x.shape.slice(1);
  return reduced(gpu, sum, x, { outer: 1, n: x.shape[0]!, inner: elementCount(rest) }, rest);
};

/**
 * The longest part of an axis that one thread reduces. Longer axes are reduced in several steps: rounding errors grow with the
 * length of the parts, not of the axis.
 */
const LINE = 256;
/** The longest part that one workgroup reduces: a thread takes every 64th entry. */
const ROW = 64 * THREADS;

/**
 * Reduces the axis of length n. A thread reads entries that are `inner` elements apart. Where inner is small, neighbouring
 * threads would read far apart, so that a workgroup reduces a line together.
 */
function reduced(
  gpu: Gpu,
  reduction: Reduction,
  x: GpuTensor,
  { outer, n, inner }: Around,
  shape: readonly number[],
): GpuTensor {
  const total = outer * inner;
  if (n === 0) return filled(gpu, reduction.none, shape);
  const together = inner < 32 && n > THREADS;
  const length = together ? ROW : LINE;
  const parts = Math.ceil(n / length);
  const out = gpu.memory.make(parts === 1 ? shape : [outer, parts, inner]);
  const threads = total * parts;
  if (total > 0)
    run(gpu, {
      name: reduction.name,
      code: together ? byWorkgroup(reduction, x) : byThread(reduction, x),
      inputs: { x },
      outputs: { y: out },
      sizes: { n: threads, axis: n, inner, parts, length },
      floats: { none: reduction.none },
      groups: together ? threads : Math.ceil(threads / THREADS),
    });
  return parts === 1 ? out : reduced(gpu, reduction, out, { outer, n: parts, inner }, shape);
}

/** WGSL of the part that element `i` of the output, `[outer, parts, inner]`, reduces. */
const partOf = (i: string) => `
  let line = ${i} / p.inner;
  let start = (line % p.parts) * p.length;
  let end = min(start + p.length, p.axis);
  let base = (line / p.parts) * p.axis * p.inner + ${i} % p.inner;
`;

const byThread = ({ join }: Reduction, x: GpuTensor): string => `${numbers}${beginElement}${partOf("i")}
  var total = p.none;
  for (var j = start; j < end; j++) { let value = ${numberAt("x", x, "base + j * p.inner")}; total = ${join("total", "value")}; }
  y[i] = total;
}`;

const byWorkgroup = ({ join }: Reduction, x: GpuTensor): string => `${numbers}
var<workgroup> totals: array<f32, ${THREADS}>;
${begin}
  if (group >= p.n) { return; }${partOf("group")}
  var total = p.none;
  for (var j = start + lane; j < end; j += ${THREADS}u) { let value = ${numberAt("x", x, "base + j * p.inner")}; total = ${join("total", "value")}; }
  totals[lane] = total;
  for (var half = ${THREADS / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { totals[lane] = ${join("totals[lane]", "totals[lane + half]")}; }
  }
  if (lane == 0u) { y[group] = totals[0]; }
}`;
