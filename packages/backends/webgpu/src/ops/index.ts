import type { EagerOps } from "@attnkit/core/program";
import type { FloatType, GpuTensor } from "../tensor.ts";
import type { Constants } from "./constants.ts";
import { elementwise } from "./elementwise.ts";
import type { Gpu } from "./gpu.ts";
import { products } from "./matmul.ts";
import { moves } from "./moves.ts";
import { pointwise } from "./pointwise.ts";
import { reductions } from "./reductions.ts";

/** Every operation, and `store`, which rounds to the storage of results. */
export type StoringOps = EagerOps<GpuTensor> & Required<Pick<EagerOps<GpuTensor>, "store">>;

/**
 * Returns every operation. A result is a new tensor of the innermost scope. Results that are computed are float32; those that
 * consist of elements of the operands stay halves. `store` converts to `results`.
 */
export const operations = (gpu: Gpu, constants: Constants, results: FloatType): StoringOps => ({
  dtype: "float32",
  shape: (x) => gpu.memory.own(x).shape,
  store: (x) => (gpu.memory.own(x).dtype === results ? x : pointwise(gpu, "store", "a0", [x], x.shape, results)),
  ...moves(gpu, constants),
  ...elementwise(gpu),
  ...reductions(gpu),
  ...products(gpu),
});
