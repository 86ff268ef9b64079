import type { Tensors } from "@attnkit/core";
import { Remembered } from "@attnkit/core/backend";
import type { Call } from "@attnkit/core/program";
import { gpuFacts } from "../gpu-facts.ts";
import { hasNoState, type KernelGradients } from "../gradients.ts";
import type { Host } from "../host.ts";
import { directions, type Side } from "./backward-direction.ts";
import { type GradientSizes, gradientSizesOf } from "./backward-sizes.ts";
import { keyTokens, queryTokens } from "./backward-tokens.ts";
import type { MatrixState } from "./form.ts";
import { matrixStateKernel } from "./kernel.ts";
import type { Monomials } from "./monomials.ts";

/** A form with one feature per channel. With divisor `"none"`, `y` must be a multiple of `x`; otherwise it must be `x`, and so `value`. */
export type ChannelForm = MatrixState & { readonly divisor: "weights" | "none"; readonly features?: undefined };

/** The derivatives of `q` and `k` of a form with respect to `x`, as WGSL expressions of `x`. */
export interface MatrixStateDerivatives {
  readonly q: string;
  readonly k: string;
}

/** The derivatives of a form whose weights are a polynomial of `q.k`, and the polynomial. */
export interface PolynomialDerivatives extends MatrixStateDerivatives {
  readonly monomials: Monomials;
}

/** A form whose weights are a polynomial of `q.k`. What `ChannelForm` says of `y` and `value` holds here too. */
export type PolynomialForm = MatrixState & {
  readonly features: NonNullable<MatrixState["features"]>;
  readonly rescaled?: false;
};

/**
 * Makes the gradients of a form, for calls without a state. Pairs within a chunk are computed one by one; pairs of different chunks
 * enter through a matrix of sums: `dq_i = A_i dy_i` reads those of earlier keys, dk and dv those of later queries. They take at most
 * 12 dispatches for any length, and memory that grows as L.
 *
 * The gradient of a polynomial P has the same sums, of its monomials. With `phi` and `phi'` the monomials of P and of its
 * derivative P', `dq_c = sum over g of phi'_g(q) (A_(g c) dy)`, where g c is the monomial g times channel c.
 * @param form What the forward kernel has.
 * @param derivatives The derivatives of the form's `q` and `k`; and `monomials` if it has features.
 * @example
 * ```ts
 * webgpuKernel(mechanism, { ...matrixStateKernel(form), gradients: matrixStateGradients(form, { q: "1.0", k: "1.0" }) });
 * ```
 */
export function matrixStateGradients(form: ChannelForm, derivatives: MatrixStateDerivatives): KernelGradients;
export function matrixStateGradients(form: PolynomialForm, derivatives: PolynomialDerivatives): KernelGradients;
export function matrixStateGradients(
  form: MatrixState,
  derivatives: MatrixStateDerivatives & Partial<PolynomialDerivatives>,
): KernelGradients {
  const texts = new Remembered<string, string>(64);
  const normaliser = matrixStateKernel(normaliserForm(form));
  const { monomials } = derivatives;
  return {
    accepts: (call, gpu) => hasNoState(call) && gradientSizesOf(form, monomials, call, gpu) !== undefined,
    backward<T>(
      host: Host<T>,
      call: Call,
      { q, k, v, keyMask }: Tensors<T>,
      { y, lse }: Tensors<T>,
      seeds: Tensors<T>,
    ) {
      const sizes = gradientSizesOf(form, monomials, call, gpuFacts(host.device)) as GradientSizes;
      const mask: Tensors<T> = keyMask === undefined ? {} : { keyMask };
      const floats = form.numbers?.(call) ?? {};
      const norm = () => {
        if (form.divisor === "none" || (form.divisor === "count" && keyMask === undefined)) return {};
        if (form.rescaled && lse !== undefined) return { norm: lse };
        const how = { ...call, lse: form.rescaled === true, dims: { ...call.dims, dv: 1 } };
        const rows = normaliser.forward(host, { q: q!, k: k!, v: v!, ...mask }, how);
        return { norm: form.rescaled ? rows.lse! : rows.y };
      };
      const normed: Tensors<T> = norm();
      const dlse: Tensors<T> = call.lse ? { dlse: seeds.lse! } : {};
      const queries = queryTokens(host, form, sizes, floats, { q: q!, dy: seeds.y!, y: y!, ...normed, ...dlse });
      const keys = keyTokens(host, form, sizes, floats, { k: k!, v: v!, ...mask });
      const querySide: Side<T> = { ...queries, count: sizes.L, at: sizes.qAt, per: sizes.G };
      const keySide: Side<T> = { ...keys, count: sizes.S, at: sizes.kAt, per: 1 };

      const direction = directions(host, form, monomials, sizes, floats, texts);
      const forQueries = direction(querySide, keySide, { reversed: false, entry: entryOf(form, derivatives.q, "q") });
      const dq = forQueries.pull(q!, form.rescaled || monomials ? {} : normed);
      const forKeys = direction(keySide, querySide, { reversed: true, entry: entryOf(form, derivatives.k, "k") });
      return { q: dq, k: forKeys.pull(k!), v: forKeys.weigh(v!, monomials ? mask : {}) };
    },
  };
}

/**
 * The features of queries are divided as their rows are, so the gradient of q is too. Exponents contain the divisor, and with a
 * polynomial the gradients of rows do.
 */
function entryOf(form: MatrixState, derivative: string, of: "q" | "k"): string {
  const divided =
    of === "k" || form.rescaled || form.features
      ? "own"
      : form.divisor === "none"
        ? "share_of(own)"
        : "select(own / norm_at(token), 0.0, norm_at(token) == 0.0)";
  return `
fn share_of(x: f32) -> f32 { return ${form.y ?? "x"}; }
fn entry_of(x: f32, sum: f32, token: u32) -> f32 { let own = sum * (${derivative}); return ${divided}; }`;
}

/**
 * A form whose outputs are the sums of the weights, or the number of visible keys: as y, or as lse if rescaled. A half could not
 * hold them.
 */
const normaliserForm = ({ y: _, lseFactor: __, ...form }: MatrixState): MatrixState => ({
  ...form,
  ...{ name: `${form.name} normaliser`, value: "1.0", storage: "float32" as const },
  ...(!form.rescaled && { divisor: "none" as const }),
  ...(form.divisor === "count" && { weight: "vec4f(1.0)", features: ones }),
});

/** One feature that is 1. It reads a channel in form alone, because a kernel must use every tensor. */
const ones = {
  size: () => 1,
  helpers: "",
  q: "_ = q_channel(at, 0u); return 1.0;",
  k: "_ = k_channel(at, 0u); return 1.0;",
};
