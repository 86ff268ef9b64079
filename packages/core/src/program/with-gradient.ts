import type { Ops } from "./ops.ts";

/** A function of tensors with a gradient of its own, which is shorter or more accurate than that of its operations. */
export interface WithGradient {
  /** Returns the result, and tensors that `backward` needs. */
  forward<T>(o: Ops<T>, x: readonly T[]): { readonly y: T; readonly kept?: readonly T[] };
  /** Returns the gradient of every input in its shape, from that of y; undefined where nothing flows back. */
  backward<T>(o: Ops<T>, g: T, x: readonly T[], kept: readonly T[]): readonly (T | undefined)[];
}

/** The name under which the operations of `vjp` carry their own `withGradient`. */
export const OWN_GRADIENT: unique symbol = Symbol.for("attnkit.ownGradient");

/** Operations that record a gradient, as `vjp` hands them to a program. */
export interface RecordsGradient<T> extends Ops<T> {
  [OWN_GRADIENT](x: readonly T[], rule: WithGradient): T;
}

/**
 * Runs `rule.forward`. Inside core's `vjp` the gradient is `rule.backward`; elsewhere, on a backend's own tape too, it is
 * the gradient of the operations of `forward`, so both must agree.
 * @example
 * ```ts
 * const y = withGradient(o, [x], { forward: (o, [x]) => ({ y: o.maximum(x, 0) }), backward: (o, g, [x]) => [step(o, g, x)] });
 * ```
 */
export function withGradient<T>(o: Ops<T>, x: readonly T[], rule: WithGradient): T {
  const own = (o as Partial<RecordsGradient<T>>)[OWN_GRADIENT];
  return own === undefined ? rule.forward(o, x).y : own(x, rule);
}

/** Returns x. Inside core's `vjp` no gradient flows back: for terms whose gradient is known to cancel. */
export const stopGradient = <T>(o: Ops<T>, x: T): T => withGradient(o, [x], STOP);

const STOP: WithGradient = { forward: (_, [x]) => ({ y: x! }), backward: () => [undefined] };
