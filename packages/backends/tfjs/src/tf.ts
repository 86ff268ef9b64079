import type * as TF from "@tensorflow/tfjs-core";

/** The caller's own copy of tfjs: `@tensorflow/tfjs`, or `@tensorflow/tfjs-core` with a backend. Types only are imported. */
export type Tf = typeof TF;
export type Tensor = TF.Tensor;
/** What an operation of `Ops` takes where a number stands for a scalar. */
export type Operand = Tensor | number;
