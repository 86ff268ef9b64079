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

/** Families of backends: what `Backend.kind` says. */
export type Kind = "cpu" | "onnx" | "tfjs";

/** One row of the matrix: how to make a mechanism and its oracle from plain-data options. */
export interface MechanismEntry {
  readonly name: string;
  /** The portable program alone. */
  create(options?: Options): Mechanism;
  /** By kind of backend: loads what makes the mechanism with its kernels for that kind. */
  readonly kernels?: Readonly<Partial<Record<Kind, () => Promise<(options?: Options) => Mechanism>>>>;
  reference(options?: Options): Reference;
  /** The option sets that the conformance suite runs; the first is the default one. */
  readonly variants: readonly Options[];
}

/** Every mechanism. A new one is one line here. */
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
      { power: 3, form: "linear", normalizer: 16 },
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

/** What makes the mechanism for backends of one kind: with its kernels where it has any for it, else the portable program alone. */
export async function creator(
  { create, kernels }: MechanismEntry,
  kind: string,
): Promise<(options?: Options) => Mechanism> {
  return (await kernels?.[kind as Kind]?.()) ?? create;
}
