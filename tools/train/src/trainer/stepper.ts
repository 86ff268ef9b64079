import type { Tensors } from "@attnkit/core";
import type { StepNumbers } from "../adamw.ts";

/** Flat vectors `[count]` on a backend: weights, first and second moments. */
export type Vectors = Readonly<Record<"w" | "m" | "v", unknown>>;

/** The results of a step. The tensors are the caller's to free. */
export interface Stepped {
  readonly vectors: Vectors;
  /** `loss`, `square` and the extras, `[1]` each. */
  readonly told: Tensors<unknown>;
}

/** One way to compute a training step on a backend. */
export interface Stepper {
  /** Frees nothing that it was given. */
  step(vectors: Vectors, batch: Tensors<unknown>, numbers: StepNumbers<unknown>): Promise<Stepped>;
  /** Frees the tensors that it holds itself. */
  dispose(): void;
}
