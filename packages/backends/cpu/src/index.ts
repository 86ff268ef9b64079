import { type Backend, eager, type Ops, vjp } from "@attnkit/core";
import { elementwise } from "./elementwise.ts";
import { products } from "./matmul.ts";
import { moves } from "./move.ts";
import { type FloatType, fromData, fromNumbers, type NdArray } from "./ndarray.ts";
import { reductions } from "./reduce.ts";

export type { NdArray } from "./ndarray.ts";

/** A backend that runs at once, so that it also works synchronously through `ops`. */
export interface CpuBackend extends Backend<NdArray> {
  readonly dtype: "float32" | "float64";
  readonly ops: Ops<NdArray>;
}

/**
 * The operations in plain JavaScript on one thread, in Node and in browsers: what every operation means, and fast enough
 * to use. `float64` is for oracles and gradient checks.
 */
export function cpu({ dtype = "float32" }: { dtype?: "float32" | "float64" } = {}): CpuBackend {
  const Float: FloatType = dtype === "float64" ? Float64Array : Float32Array;
  const ops: Ops<NdArray> = {
    dtype,
    shape: (x) => x.shape,
    constant: (data, shape) => fromNumbers(Float, data, shape),
    ...moves(Float),
    ...elementwise(Float),
    ...reductions(Float),
    ...products(Float),
  };
  return {
    name: "cpu",
    kind: "cpu",
    device: "JavaScript, one thread",
    dtype,
    supports: { gradients: true },
    ops,
    upload: (data, shape) => fromData(Float, data, shape),
    download: async (x) => x.data.slice(),
    shape: (x) => x.shape,
    free() {},
    compile: eager(ops),
    vjp: async (program, x, seeds, wrt) => vjp(ops, program, x, seeds, wrt),
  };
}
