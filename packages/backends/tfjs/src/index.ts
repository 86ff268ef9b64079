import { AttentionError, type Backend, type Data, type Shape } from "@attnkit/core";
import {
  checkVjp,
  hostData,
  type Nested,
  type NestedProgram,
  type NestedValues,
  notOwnTensor,
  requireFunction,
} from "@attnkit/core/backend";
import { type EagerOps, knownOptions, requireOption } from "@attnkit/core/program";
import { WEBGPU, type WebgpuBackend } from "@attnkit/wgsl";
import { deviceOf } from "./device.ts";
import { elementwise } from "./elementwise.ts";
import { differentiable, vjp } from "./gradient.ts";
import { moves } from "./moves.ts";
import { reductions } from "./reductions.ts";
import type { Tensor, Tf } from "./tf.ts";
import { onWebgl } from "./webgl.ts";
import { webgpuHost } from "./webgpu-host.ts";

export type { Tensor, Tf } from "./tf.ts";

/**
 * A backend that computes synchronously on the caller's tensors. It also works inside `tf.tidy` and `tf.grads` through
 * `ops`.
 */
export interface TfjsBackend extends Backend<Tensor, "float32">, WebgpuBackend<Tensor> {
  readonly ops: EagerOps<Tensor>;
  /** The tfjs module that it was made with. */
  readonly tf: Tf;
}

/**
 * Creates a backend over the caller's own tfjs and whatever tfjs backend is current. The caller disposes of every
 * output; intermediates are disposed of here.
 *
 * @param options `tf` is the module `@tensorflow/tfjs`, or `@tensorflow/tfjs-core` with a tfjs backend registered.
 * @throws `ATTN_OPTION` if `tf` is missing or another option is given.
 * @example
 * ```ts
 * import * as tf from "@tensorflow/tfjs";
 * const attend = attention(softmax(), tfjs({ tf }), { causal: true });
 * ```
 */
export function tfjs(options: { readonly tf: Tf }): TfjsBackend {
  const { tf } = options ?? {};
  const given = typeof tf?.getBackend === "function" && typeof tf.tidy === "function";
  const module = "the module @tensorflow/tfjs, or @tensorflow/tfjs-core with a backend: tfjs({ tf })";
  requireOption(given, "tfjs", "tf", given ? tf : typeof tf, module);
  knownOptions("tfjs", options, ["tf"]);
  const ops = differentiable(tf, {
    dtype: "float32",
    shape: (x) => x.shape,
    ...moves(tf),
    ...elementwise(tf),
    ...reductions(tf),
  });
  const backend: TfjsBackend = {
    // tfjs can switch backends at any time, so name and device are read on each access.
    get name() {
      return `tfjs-${tf.getBackend()}`;
    },
    kind: "tfjs",
    hosts: [WEBGPU],
    webgpuHost: () => webgpuHost(tf, ops),
    get device() {
      return deviceOf(tf);
    },
    dtype: "float32",
    supports: { gradients: true, kernelGradients: true },
    ops,
    tf,
    upload: (data: Data | NestedValues, shape?: Shape) => upload(tf, data, shape),
    async download(x) {
      const data = await own(x).data();
      // Some tfjs backends return their own memory, so the data is copied.
      return x.dtype === "bool" ? Uint8Array.from(data) : Float32Array.from(data);
    },
    shape: (x) => own(x).shape,
    boolean: (x) => own(x).dtype === "bool",
    free(x) {
      if (!(isTensor(x) && x.isDisposed)) own(x).dispose();
    },
    compile: ((program: NestedProgram) => {
      requireFunction("compile on tfjs", "program", program);
      return async (x: Nested<Tensor>) =>
        tf.tidy(() => {
          const seen = new Set<Tensor>();
          eachTensor(x, (t) => void seen.add(t));
          // Every output is a tensor of its own: neither an input nor given twice.
          return eachTensor(program(ops, x), (t) => {
            if (seen.has(t)) return tf.clone(t);
            seen.add(t);
            return t;
          });
        });
    }) as unknown as Backend<Tensor>["compile"],
    async vjp(program, x, seeds, wrt) {
      checkVjp(backend, program, x, seeds, wrt);
      return vjp(tf, ops, program, x, seeds, wrt);
    },
  };
  return backend;
}

/** Returns a nested record with every tensor replaced. */
function eachTensor<R>(x: Nested<Tensor>, replace: (t: Tensor) => R): Nested<R> {
  const entries = Object.entries(x).map(([name, t]) => {
    if (t === undefined) return [name, undefined] as const;
    return [name, isTensor(t as Tensor) ? replace(t as Tensor) : eachTensor(t as Nested<Tensor>, replace)] as const;
  });
  return Object.fromEntries(entries) as Nested<R>;
}

function upload(tf: Tf, given: Data | NestedValues, givenShape?: Shape): Tensor {
  onWebgl(tf); // refuses devices without float32
  const { data, shape } = hostData("tfjs", given, givenShape);
  if (Object.prototype.toString.call(data) !== "[object Uint8Array]")
    return tf.tensor(Float32Array.from(data), [...shape], "float32");
  const bits = Uint8Array.from(data, (b) => (b ? 1 : 0));
  return tf.tensor(bits, [...shape], "bool");
}

const isTensor = (x: Tensor): boolean => typeof x === "object" && x !== null && "dataId" in x && Array.isArray(x.shape);

/** Returns `x` if it is a tf.Tensor that was not disposed of. Throws `ATTN_DATA` otherwise. */
function own(x: Tensor): Tensor {
  if (!isTensor(x)) throw notOwnTensor("tfjs", x, "a tf.Tensor");
  if (!x.isDisposed) return x;
  const shape = `[${x.shape.join(", ")}]`;
  throw new AttentionError("ATTN_DATA", "tfjs", `got a tensor ${shape} that was disposed of, expected a live one`);
}
