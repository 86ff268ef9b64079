import type { Backend, Data, DataOf, Shape } from "@attnkit/core";
import { eager, eagerVjp, elementCount, hostData, type NestedValues, notOwnTensor } from "@attnkit/core/backend";
import { type EagerOps, knownOptions, requireOneOf } from "@attnkit/core/program";
import { elementwise } from "./elementwise.ts";
import { products } from "./matmul.ts";
import { moves } from "./move.ts";
import { type CpuDType, dtypes, type FloatType, fromData, fromNumbers, isBytes, type NdArray } from "./ndarray.ts";
import { reductions } from "./reduce.ts";

export type { NdArray } from "./ndarray.ts";

/** A backend that computes synchronously. It also runs through `ops` and `attention(...).sync`. */
export interface CpuBackend<D extends CpuDType = CpuDType> extends Backend<NdArray, D> {
  readonly ops: EagerOps<NdArray>;
}

/**
 * Creates the reference backend: every operation in plain JavaScript on one thread, in Node and in browsers.
 *
 * @param options `dtype` is the type of all floats: `"float32"` (default) or `"float64"`, for oracles and gradient
 * checks.
 * @throws `ATTN_OPTION` if an option or its value is unknown.
 * @example
 * ```ts
 * const attend = attention(softmax(), cpu(), { causal: true });
 * ```
 */
export function cpu<const D extends CpuDType = "float32">(options: { readonly dtype?: D } = {}): CpuBackend<D> {
  knownOptions("cpu", options, ["dtype"]);
  const { dtype = "float32" as D } = options;
  requireOneOf("cpu", "dtype", dtype, dtypes);
  const Float: FloatType = dtype === "float64" ? Float64Array : Float32Array;
  const ops: EagerOps<NdArray> = {
    dtype,
    shape: (x) => x.shape,
    constant: (data, shape) => fromNumbers(Float, data, shape),
    ...moves(Float),
    ...elementwise(Float),
    ...reductions(Float),
    ...products(Float),
  };
  const backend: CpuBackend<D> = {
    name: "cpu",
    kind: "cpu",
    device: "JavaScript, one thread",
    dtype,
    supports: { gradients: true, dtypes },
    ops,
    upload: (data: Data | NestedValues, shape?: Shape) => fromData(Float, hostData("cpu", data, shape)),
    download: async (x) => own(x).data.slice() as DataOf<D>,
    shape: (x) => own(x).shape,
    boolean: (x) => !(x?.data instanceof Float) && isBytes(own(x).data),
    free(x) {
      own(x);
    },
    compile: eager(ops),
    vjp: eagerVjp(ops, () => backend),
  };
  return backend;
}

/** Returns `x` if it is an array of this backend. Throws `ATTN_DATA` otherwise. */
function own(x: NdArray): NdArray {
  if (Array.isArray(x?.shape) && isData(x.data) && x.data.length === elementCount(x.shape)) return x;
  throw notOwnTensor("cpu", x, "{ shape, data } with one value per element of shape");
}

const isData = (x: unknown): x is NdArray["data"] =>
  x instanceof Float32Array ||
  x instanceof Float64Array ||
  x instanceof Uint8Array ||
  /^\[object (Float32|Float64|Uint8)Array\]$/.test(Object.prototype.toString.call(x));
