import type { Mechanism } from "@attnkit/core";
import {
  type ChannelForm,
  type Features,
  horner,
  type KernelGradients,
  type MatrixState,
  matrixStateGradients,
  matrixStateKernel,
  monomials,
  type PolynomialForm,
  pairs,
  webgpuKernel,
  withKernels,
} from "@attnkit/wgsl";
import {
  type FeatureMap,
  type FeatureMapName,
  featureMaps,
  type LinearOptions,
  linearOptions,
  linear as portable,
} from "./index.ts";

export type { FeatureMap, FeatureMapName, LinearOptions } from "./index.ts";

/** The mechanism of `@attnkit/linear` with its WebGPU kernels; for a feature map of one's own there is none. */
export function linear(options: LinearOptions = {}): Mechanism<"linear"> {
  const mechanism = portable(options);
  const { derivative, ...own } = form(options);
  const gradients = gradientsOf(own, derivative);
  return withKernels(mechanism, webgpuKernel(mechanism, { ...matrixStateKernel(own), gradients }));
}

function gradientsOf(own: MatrixState, derivative: string | undefined): KernelGradients | undefined {
  if (derivative === undefined) return undefined;
  const derivatives = { q: derivative, k: derivative };
  return own.features
    ? matrixStateGradients(own as PolynomialForm, { ...derivatives, monomials: monomials(TAYLOR2) })
    : matrixStateGradients(own as ChannelForm, derivatives);
}

/** A feature map in WGSL, as expressions of `x`, a channel of q or k. */
interface Map extends Pick<MatrixState, "q" | "k" | "weight" | "features" | "numbers"> {
  /** The derivative of `q` and `k`. */
  readonly derivative?: string;
}

const channelwise = (x: string, derivative?: string): Map => ({ q: x, k: x, ...(derivative && { derivative }) });

/** The coefficients of the weight of `taylor2`. */
const TAYLOR2 = [1, 1, 0.5];

/** `1 + s + s^2 / 2` of products s of channels scaled by `d^(-1/4)`; features 1, x_i, x_i x_j (i <= j). */
const squares = (x: "q" | "k"): string => `
  if (f == 0u) { return 1.0; }
  if (f <= p.d) { return ${x}_channel(at, f - 1u); }
  let ij = pair_of(f - 1u - p.d, p.d);
  return ${x}_channel(at, ij.x) * ${x}_channel(at, ij.y) * select(1.0, ${Math.SQRT1_2}, ij.x == ij.y);`;

const taylor2: Features = {
  size: featureMaps.taylor2.size,
  helpers: pairs,
  q: squares("q"),
  k: squares("k"),
};

const maps: Readonly<Record<FeatureMapName, Map>> = {
  elu1: channelwise(
    "exp(min(x, 0.0)) + limited(x, 0.0, 1e15)",
    "select(exp(min(x, 0.0)), select(1.0, 0.0, x > 1e15), x > 0.0)",
  ),
  relu: channelwise("limited(x, 0.0, 1e15)", "select(0.0, 1.0, x > 0.0 && x <= 1e15)"),
  identity: channelwise("limited(x, -1e15, 1e15)", "select(1.0, 0.0, abs(x) > 1e15)"),
  exp: channelwise("exp(limited(x, -42.0, 42.0))", "select(exp(limited(x, -42.0, 42.0)), 0.0, abs(x) > 42.0)"),
  taylor2: {
    ...channelwise("limited(x, -1e8, 1e8) * p.root", "select(p.root, 0.0, abs(x) > 1e8)"),
    weight: horner(TAYLOR2),
    features: taylor2,
    numbers: ({ dims }) => ({ root: dims.d ** -0.25 }),
  },
};

function form(options: LinearOptions): MatrixState & Pick<Map, "derivative"> {
  const { featureMap, normalize, scale } = linearOptions.resolve(options);
  const name = typeof featureMap === "string" ? featureMap : nameOf(featureMap);
  return {
    name: "linear",
    accepts: () => name !== undefined || "the feature map is not one of the package; there is no WGSL of it",
    ...maps[name ?? "elu1"],
    numbers: (call) => ({ scale, ...(name && maps[name].numbers?.(call)) }),
    ...(normalize
      ? { divisor: "weights", lseFactor: "p.scale", state: { sums: "s", divisor: "z" } }
      : { divisor: "none", y: "x * p.scale", state: { sums: "s" } }),
  };
}

/** Finds a map by identity: another map may have the same name. */
const nameOf = (map: FeatureMap): FeatureMapName | undefined =>
  (Object.keys(featureMaps) as FeatureMapName[]).find((name) => featureMaps[name] === map);
