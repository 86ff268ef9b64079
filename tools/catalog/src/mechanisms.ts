import type { Mechanism, Options } from "@attnkit/core";
import type { Reference } from "@attnkit/core/program";
import { elementwise } from "@attnkit/elementwise";
import { elementwiseReference } from "@attnkit/elementwise/reference";
import { linear } from "@attnkit/linear";
import { linearReference } from "@attnkit/linear/reference";
import { logsumexp } from "@attnkit/logsumexp";
import { logsumexpReference } from "@attnkit/logsumexp/reference";
import { polynomial } from "@attnkit/polynomial";
import { polynomialReference } from "@attnkit/polynomial/reference";
import { softmax } from "@attnkit/softmax";
import { softmaxReference } from "@attnkit/softmax/reference";

/** The kinds of backends: the values of `Backend.kind`. */
export type Kind = "cpu" | "onnx" | "tfjs";

/** One row of the matrix: makes a mechanism and its oracle from plain-data options. */
export interface MechanismEntry {
  readonly name: string;
  /** Makes the portable program without kernels. */
  create(options?: Options): Mechanism;
  /** For each kind of backend, loads the function that makes the mechanism with its kernels for that kind. */
  readonly kernels?: Readonly<Partial<Record<Kind, () => Promise<(options?: Options) => Mechanism>>>>;
  reference(options?: Options): Reference;
  /** The option sets that the conformance suite runs. The first one is the default. */
  readonly variants: readonly Options[];
}

/** Every mechanism. A new mechanism is one entry here. */
export const mechanisms: readonly MechanismEntry[] = [
  {
    name: "softmax",
    create: softmax,
    kernels: {
      tfjs: () => import("@attnkit/softmax/tfjs").then((m) => m.softmax),
      onnx: async () => (await import("@attnkit/softmax/onnx")).softmax,
    },
    reference: softmaxReference,
    variants: [{}, { scale: 0.3, softcap: 2 }, { window: [3, 1] }],
  },
  {
    name: "linear",
    create: linear,
    reference: linearReference,
    variants: [
      {},
      { featureMap: "relu" },
      { featureMap: "identity", normalize: false, scale: 0.25 },
      { featureMap: "exp" },
      { featureMap: "taylor2" },
    ],
    kernels: {
      onnx: async () => (await import("@attnkit/linear/onnx")).linear,
      tfjs: async () => (await import("@attnkit/linear/tfjs")).linear,
    },
  },
  {
    name: "polynomial",
    create: polynomial,
    kernels: { tfjs: () => import("@attnkit/polynomial/tfjs").then((m) => m.polynomial) },
    reference: polynomialReference,
    variants: [
      { power: 2 },
      { power: 3, form: "quadratic" },
      { power: 3, form: "linear", normalizer: "fixed", n: 16 },
      { power: 1 },
      { coefficients: [1, 1, 0.5] },
    ],
  },
  {
    name: "logsumexp",
    create: logsumexp,
    reference: logsumexpReference,
    variants: [{}, { logValues: true }],
    kernels: { tfjs: async () => (await import("@attnkit/logsumexp/tfjs")).logsumexp },
  },
  {
    name: "elementwise",
    create: elementwise,
    reference: elementwiseReference,
    variants: [{}, { order: 2 }, { order: "exact" }],
    kernels: {
      onnx: async () => (await import("@attnkit/elementwise/onnx")).elementwise,
      tfjs: async () => (await import("@attnkit/elementwise/tfjs")).elementwise,
    },
  },
];

/**
 * Returns the function that makes a mechanism for one kind of backend, with its kernels for that kind if it has any.
 */
export async function creator(
  { create, kernels }: MechanismEntry,
  kind: string,
): Promise<(options?: Options) => Mechanism> {
  return (await kernels?.[kind as Kind]?.()) ?? create;
}
