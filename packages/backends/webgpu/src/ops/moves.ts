import {
  collapse,
  concatShape,
  elementCount,
  nonNegativeAxis,
  reshapeShape,
  sliceShape,
  strides,
  takeShape,
  transposeShape,
} from "@attnkit/core/backend";
import type { EagerOps } from "@attnkit/core/program";
import type { GpuTensor } from "../tensor.ts";
import { around } from "./around.ts";
import type { Constants } from "./constants.ts";
import { beginElement, type Gpu, run, THREADS } from "./gpu.ts";
import { compact, copyElements } from "./pointwise.ts";

type Moves = "constant" | "reshape" | "transpose" | "slice" | "concat" | "take";

/** Returns the operations that only move elements; floats stay floats and booleans stay booleans. */
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
      const out = memory.make(shape, xs.every(({ dtype }) => dtype === "boolean") ? "boolean" : "float32");
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

function taken(gpu: Gpu, x: GpuTensor, axis: number, indices: GpuTensor, shape: readonly number[]): GpuTensor {
  const out = gpu.memory.make(shape, x.dtype);
  const { outer, n, inner } = around("take", x, axis);
  const total = elementCount(shape);
  if (total > 0)
    run(gpu, {
      name: "take",
      code: `${beginElement}
  let entry = i / p.inner;
  let line = entry / p.taken;
  y[i] = x[(line * p.axis + u32(indices[entry % p.taken])) * p.inner + i % p.inner];
}`,
      inputs: { x, indices },
      outputs: { y: out },
      sizes: { n: total, inner, taken: total / (outer * inner), axis: n },
      groups: Math.ceil(total / THREADS),
    });
  return out;
}
