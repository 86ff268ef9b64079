import {
  collapse,
  concatShape,
  nonNegativeAxis,
  reshapeShape,
  sliceShape,
  strides,
  takeShape,
  transposeShape,
} from "@attnkit/core/backend";
import type { EagerOps } from "@attnkit/core/program";
import type { ElementType, GpuTensor } from "../tensor.ts";
import { around } from "./around.ts";
import type { Constants } from "./constants.ts";
import { eachElement, elementAt, type Gpu } from "./gpu.ts";
import { compact, copyElements } from "./pointwise.ts";

type Moves = "constant" | "reshape" | "transpose" | "slice" | "concat" | "take";

/** Returns the operations that only move elements; elements keep their type. */
export function moves(gpu: Gpu, constants: Constants): Pick<EagerOps<GpuTensor>, Moves> {
  const { memory } = gpu;

  /** Makes a tensor of this shape from the elements of `x` at `start` and the given distances. */
  const strided = (x: GpuTensor, shape: readonly number[], start: number, steps: readonly number[]): GpuTensor => {
    const out = memory.make(shape, x.dtype);
    copyElements(gpu, { x, start }, { x: out }, collapse(shape, [steps]));
    return out;
  };

  return {
    constant: (data, shape) => constants.floats(data, shape),

    reshape(x, given) {
      const shape = reshapeShape(memory.own(x).shape, given);
      return x.strides ? compact(gpu, x, shape) : memory.alias(x, shape);
    },

    transpose(x, perm) {
      const shape = transposeShape(memory.own(x).shape, perm);
      const steps = strides(x.shape);
      return strided(
        x,
        shape,
        0,
        perm.map((p) => steps.at(p)!),
      );
    },

    slice(x, axis, start, end) {
      const shape = sliceShape(memory.own(x).shape, axis, start, end);
      return strided(x, shape, start * around("slice", x, axis).inner, strides(x.shape));
    },

    concat(xs, axis) {
      const shape = concatShape(
        xs.map((x) => memory.own(x).shape),
        axis,
      );
      const out = memory.make(shape, commonType(xs));
      const target = strides(shape);
      let start = 0;
      for (const x of xs) {
        const { n, inner } = around("concat", x, axis);
        copyElements(gpu, { x }, { x: out, start }, collapse(x.shape, [strides(x.shape), target]));
        start += n * inner;
      }
      return out;
    },

    take(x, axis, indices) {
      const shape = takeShape(memory.own(x).shape, axis, indices);
      const at = nonNegativeAxis("take", x.shape, axis);
      const steps = strides(x.shape);
      const step = indices.length > 1 ? indices[1]! - indices[0]! : 0;
      // Every second entry, or all in reverse: no list of indices is needed.
      if (indices.every((index, i) => index === indices[0]! + i * step))
        return strided(x, shape, (indices[0] ?? 0) * steps[at]!, steps.with(at, step * steps[at]!));
      return taken(gpu, x, axis, constants.indices(indices), shape);
    },
  };
}

/** Returns the type of a tensor that holds the elements of all: booleans are numbers beside floats. */
function commonType(xs: readonly GpuTensor[]): ElementType {
  if (xs.every(({ dtype }) => dtype === "boolean")) return "boolean";
  return xs.some(({ dtype }) => dtype === "float32") ? "float32" : "float16";
}

function taken(gpu: Gpu, x: GpuTensor, axis: number, indices: GpuTensor, shape: readonly number[]): GpuTensor {
  const out = gpu.memory.make(shape, x.dtype);
  const { inner, n } = around("take", x, axis);
  const at = "(line * p.axis + u32(indices[entry % p.taken])) * p.inner + i % p.inner";
  eachElement(gpu, {
    name: "take",
    body: `
  let entry = i / p.inner;
  let line = entry / p.taken;
  return ${elementAt("x", x, at)};`,
    inputs: { x, indices },
    out,
    sizes: { inner, taken: indices.shape[0]!, axis: n },
  });
  return out;
}
