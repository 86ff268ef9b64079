import { strides } from "@attnkit/core/backend";
import type { Binding, Host } from "./host.ts";

/** Returns the range of a tensor as it is stored, without a copy if the host can tell. */
export const storedBinding = <T>(host: Host<T>, x: T): Binding => host.stored?.(x).binding ?? host.binding(x);

/** Returns the strides of a tensor as it is stored, in elements. */
export const storedStrides = <T>(host: Host<T>, x: T): readonly number[] =>
  host.stored?.(x).strides ?? strides(host.shape(x));

/** Returns a tensor of floats: 1 and 0 for booleans. */
export const asFloats = <T>(host: Host<T>, x: T): T => (host.storage(x) === "boolean" ? host.ops.where(x, 1, 0) : x);
