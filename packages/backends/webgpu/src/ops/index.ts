import type { EagerOps } from "@attnkit/core/program";
import type { GpuTensor } from "../tensor.ts";
import type { Constants } from "./constants.ts";
import { elementwise } from "./elementwise.ts";
import type { Gpu } from "./gpu.ts";
import { products } from "./matmul.ts";
import { moves } from "./moves.ts";
import { reductions } from "./reductions.ts";

/** Returns every operation. A result is a new tensor of the innermost scope. */
export const operations = (gpu: Gpu, constants: Constants): EagerOps<GpuTensor> => ({
  dtype: "float32",
  shape: (x) => gpu.memory.own(x).shape,
  ...moves(gpu, constants),
  ...elementwise(gpu),
  ...reductions(gpu),
  ...products(gpu),
});
