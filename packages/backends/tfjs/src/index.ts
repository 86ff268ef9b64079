import { AttentionError, type Backend, type Data, type Ops, type Shape, sizeOf, validShape } from "@attnkit/core";
import { deviceOf } from "./device.ts";
import { elementwise } from "./elementwise.ts";
import { differentiable, vjp } from "./gradient.ts";
import { moves } from "./moves.ts";
import { reductions } from "./reductions.ts";
import type { Tensor, Tf } from "./tf.ts";

export type { Tensor, Tf } from "./tf.ts";

/** A backend that runs at once on the caller's tensors, so that it also works inside `tf.tidy` and `tf.grads` through `ops`. */
export interface TfjsBackend extends Backend<Tensor> {
  readonly ops: Ops<Tensor>;
  /** What it was made of: kernels ask it for its device. */
  readonly tf: Tf;
}

/**
 * attnkit on the caller's own tfjs, on whatever backend that runs: `tfjs({ tf })`. Every output is a tensor of its own
 * that the caller frees; intermediates are freed here.
 */
export function tfjs({ tf }: { readonly tf: Tf }): TfjsBackend {
  const ops = differentiable(tf, {
    dtype: "float32",
    shape: (x) => x.shape,
    ...moves(tf),
    ...elementwise(tf),
    ...reductions(tf),
  });
  return {
    // tfjs can be switched to another backend at any time, so what it runs on is asked each time.
    get name() {
      return `tfjs-${tf.getBackend()}`;
    },
    kind: "tfjs",
    get device() {
      return deviceOf(tf);
    },
    dtype: "float32",
    supports: { gradients: true },
    ops,
    tf,
    upload: (data, shape) => upload(tf, data, shape),
    async download(x) {
      const data = await x.data();
      // Some tfjs backends hand out their own memory.
      return x.dtype === "bool" ? Uint8Array.from(data) : Float32Array.from(data);
    },
    shape: (x) => x.shape,
    free: (x) => x.dispose(),
    compile: (program) => async (x) =>
      tf.tidy(() => {
        const seen = new Set(Object.values(x));
        const own = (t: Tensor): Tensor => {
          if (seen.has(t)) return tf.clone(t);
          seen.add(t);
          return t;
        };
        return Object.fromEntries(Object.entries(program(ops, x)).map(([name, t]) => [name, own(t)]));
      }),
    vjp: async (program, x, seeds, wrt) => vjp(tf, ops, program, x, seeds, wrt),
  };
}

function upload(tf: Tf, data: Data, shape: Shape): Tensor {
  const size = sizeOf(validShape("upload", shape));
  if (data.length !== size)
    throw new AttentionError(
      "ATTN_DATA",
      "upload",
      `got ${data.length} values for [${shape.join(", ")}], expected ${size}`,
    );
  if (data instanceof Uint8Array)
    return tf.tensor(
      data.map((b) => (b ? 1 : 0)),
      [...shape],
      "bool",
    );
  if (data instanceof Float32Array || data instanceof Float64Array)
    return tf.tensor(Float32Array.from(data), [...shape], "float32");
  throw new AttentionError("ATTN_DATA", "upload", "expected Float32Array, Float64Array or Uint8Array");
}
