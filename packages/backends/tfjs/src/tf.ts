import type * as TF from "@tensorflow/tfjs-core";

/**
 * The caller's own copy of tfjs: `@tensorflow/tfjs`, or `@tensorflow/tfjs-core` with a backend. Only types are
 * imported.
 */
export type Tf = typeof TF;
export type Tensor = TF.Tensor;
/** An operand of an element-wise operation. A number stands for a scalar. */
export type Operand = Tensor | number;
