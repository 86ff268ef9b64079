import type { Backend, Data, Shape } from "@attnkit/core";
import { eager, eagerVjp, hostData, type NestedValues } from "@attnkit/core/backend";
import { ops } from "./ops.ts";
import { fromHost, own, type Tensor, toHost } from "./tensor.ts";

export type { Tensor } from "./tensor.ts";

/**
 * Creates the backend. Its tensors are the framework's own, never wrapped.
 *
 * @example
 * ```ts
 * const attend = attention(softmax(), myBackend(), { causal: true });
 * ```
 */
export function myBackend(): Backend<Tensor, "float32"> {
  const backend: Backend<Tensor, "float32"> = {
    name: "my-backend",
    kind: "my-backend",
    device: "JavaScript, one thread",
    dtype: "float32",
    // The suite tests what is declared here, and that the rest is refused.
    supports: { gradients: true },
    ops,
    upload: (data: Data | NestedValues, shape?: Shape) => fromHost(hostData("my-backend", data, shape)),
    download: async (x) => toHost(own(x)),
    shape: (x) => own(x).shape,
    boolean: (x) => own(x).data instanceof Uint8Array,
    // A framework that counts references releases the memory of x here.
    free(x) {
      own(x);
    },
    compile: eager(ops),
    vjp: eagerVjp(ops, () => backend),
  };
  return backend;
}
