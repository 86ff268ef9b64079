import { AttentionError, type Backend } from "@attnkit/core";
import {
  eagerVjp,
  hostData,
  type Nested,
  type NestedProgram,
  notOwnTensor,
  requireFunction,
} from "@attnkit/core/backend";
import { defaultDevice, init, Array as JaxArray, numpy as np } from "@jax-js/jax";
import { floats, operations } from "./ops.ts";
import { Scope } from "./scope.ts";

/**
 * Makes a backend whose tensors are the arrays of jax-js, on its WebAssembly device.
 * @throws `ATTN_DEVICE` if jax-js has no WebAssembly here.
 */
export async function jaxBackend(): Promise<Backend<JaxArray, "float32">> {
  // Without a name, init() looks for navigator, which Node 20 does not have.
  if (!(await init("wasm")).includes("wasm"))
    throw new AttentionError("ATTN_DEVICE", name, "jax-js found no WebAssembly, expected its device wasm");
  defaultDevice("wasm");

  const scope = new Scope();
  const ops = operations(scope);
  const own = (x: JaxArray): JaxArray => {
    if (x instanceof JaxArray && x.refCount > 0) return x;
    throw notOwnTensor(name, x, "an array of jax-js that is not freed");
  };

  const backend: Backend<JaxArray, "float32"> = {
    name,
    kind: name,
    device: "jax-js on WebAssembly, 1 thread",
    dtype: "float32",
    supports: { gradients: true },
    ops,
    upload(values: Parameters<typeof hostData>[1], given?: readonly number[]) {
      const { data, shape } = hostData(name, values, given);
      if (!(data instanceof Uint8Array)) return floats(Float32Array.from(data), shape);
      if (data.length === 0) return np.zeros([...shape], { dtype: np.bool });
      return np.array(Array.from(data, Boolean)).reshape([...shape]);
    },
    async download(x) {
      const data = await own(x).ref.data();
      return x.dtype === np.bool ? Uint8Array.from(data) : Float32Array.from(data);
    },
    shape: (x) => own(x).shape,
    boolean: (x) => own(x).dtype === np.bool,
    free: (x) => own(x).dispose(),
    compile: ((program: NestedProgram) => {
      requireFunction("compile", "program", program);
      return async (x: Nested<JaxArray>) => scope.run(() => program(ops, x));
    }) as Backend<JaxArray>["compile"],
    vjp: eagerVjp(
      ops,
      () => backend,
      (run) => scope.run(run),
    ),
  };
  return backend;
}

const name = "jax-js";
