import type { Shape, Tensors } from "@attnkit/core";
import { elementCount } from "@attnkit/core/backend";
import type { Ops } from "@attnkit/core/program";
import { normals } from "@attnkit/measure/random";

/** The first values of a parameter: normal numbers of this standard deviation around 0, or one constant. */
export type Init = { readonly deviation: number } | { readonly constant: number };

/** One trained tensor. */
export interface Parameter {
  /** Unique in a model, for example `blocks.0.attention.query.weight`. */
  readonly name: string;
  readonly shape: Shape;
  readonly init: Init;
  /** Says if AdamW's weight decay applies. Default: true for parameters with two axes or more. */
  readonly decays?: boolean;
}

/** A tensor on the host, row-major. */
export interface HostTensor {
  readonly data: Float32Array;
  readonly shape: Shape;
}

/** Returns the number of values of all parameters: the length of the flat vector that holds them in order. */
export const parameterCount = (parameters: readonly Parameter[]): number =>
  parameters.reduce((n, { shape }) => n + elementCount(shape), 0);

/** Returns each parameter with its range `[start, end)` in the flat vector. */
export function placed(
  parameters: readonly Parameter[],
): readonly (Parameter & { readonly start: number; readonly end: number })[] {
  let end = 0;
  return parameters.map((parameter) => {
    const start = end;
    end += elementCount(parameter.shape);
    return { ...parameter, start, end };
  });
}

/**
 * Returns first values for all parameters as one flat vector. The same parameters and seed give the same bits on every
 * machine.
 */
export function initialise(parameters: readonly Parameter[], seed: number): Float32Array {
  const normal = normals(seed);
  const flat = new Float32Array(parameterCount(parameters));
  for (const { init, start, end } of placed(parameters))
    for (let i = start; i < end; i++) flat[i] = "constant" in init ? init.constant : init.deviation * normal();
  return flat;
}

/** Returns the parameters of a flat vector by name, as copies on the host. */
export function namedParameters(parameters: readonly Parameter[], flat: Float32Array): Record<string, HostTensor> {
  return Object.fromEntries(
    placed(parameters).map(({ name, shape, start, end }) => [name, { data: flat.slice(start, end), shape }]),
  );
}

/** Returns the parameters of a flat vector `[count]` by name, as slices in a program. */
export function split<T>(o: Ops<T>, parameters: readonly Parameter[], flat: T): Tensors<T> {
  return Object.fromEntries(
    placed(parameters).map(({ name, shape, start, end }) => [name, o.reshape(o.slice(flat, 0, start, end), shape)]),
  );
}

/** Returns tensors by name as the flat vector `[count]`, the inverse of `split`. */
export function joined<T>(o: Ops<T>, parameters: readonly Parameter[], x: Tensors<T>): T {
  const parts = parameters.map(({ name, shape }) => o.reshape(x[name]!, [elementCount(shape)]));
  return parts.length === 1 ? parts[0]! : o.concat(parts, 0);
}

/** Returns the tensors whose names begin with `prefix`, under their names without it. */
export const under = <T>(prefix: string, x: Tensors<T>): Tensors<T> =>
  Object.fromEntries(
    Object.entries(x).flatMap(([n, t]) => (n.startsWith(prefix) ? [[n.slice(prefix.length), t]] : [])),
  );

/** Throws a RangeError if two parameters share a name or a name cannot be found by its layer. */
export function requireUniqueNames(parameters: readonly Parameter[]): void {
  const seen = new Set<string>();
  for (const { name } of parameters) {
    if (seen.has(name))
      throw new RangeError(
        `parameters: two parameters are named ${name}; expected every name once. Name layers apart.`,
      );
    seen.add(name);
  }
}

/** Returns 1 for every value to which weight decay applies and 0 for the others, as a flat vector. */
export function decayMask(parameters: readonly Parameter[]): Float32Array {
  const flat = new Float32Array(parameterCount(parameters));
  for (const { shape, decays = shape.length > 1, start, end } of placed(parameters)) flat.fill(+decays, start, end);
  return flat;
}
