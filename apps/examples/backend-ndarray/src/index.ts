import { AttentionError, type Backend } from "@attnkit/core";
import { eager, eagerVjp, hostData, notOwnTensor } from "@attnkit/core/backend";
import { operations } from "./ops.ts";
import { type Tensor, tensor, type Values } from "./tensor.ts";
import { walk } from "./walk.ts";

export type { Tensor } from "./tensor.ts";

type DType = "float32" | "float64";

const dtypes: readonly DType[] = ["float32", "float64"];

/**
 * Makes a backend whose tensors are the arrays of `ndarray`.
 * @throws `ATTN_OPTION` if `dtype` is another type.
 */
export function ndarrayBackend<D extends DType = "float32">({
  dtype = "float32" as D,
}: {
  dtype?: D;
} = {}): Backend<Tensor, D> {
  if (!dtypes.includes(dtype))
    throw new AttentionError("ATTN_OPTION", name, `got the float type ${String(dtype)}, expected float32 or float64`);
  const Floats = dtype === "float64" ? Float64Array : Float32Array;
  const ops = operations(dtype);

  /** Returns `x` if it is a tensor of this backend. */
  const own = (x: Tensor): Tensor => {
    if (!Array.isArray(x?.stride) || !(x.data instanceof Floats || x.data instanceof Uint8Array))
      throw notOwnTensor(name, x, `an array of ndarray with ${Floats.name} or Uint8Array`);
    return x;
  };

  const backend: Backend<Tensor, D> = {
    name,
    kind: name,
    device: "one thread, in JavaScript",
    dtype,
    supports: { gradients: true, dtypes },
    ops,
    upload(values: Parameters<typeof hostData>[1], given?: readonly number[]) {
      const { data, shape } = hostData(name, values, given);
      return tensor(data instanceof Uint8Array ? data.map((x) => +(x !== 0)) : Floats.from(data), shape);
    },
    async download(x) {
      const { data, shape } = own(x);
      const out: Values = data instanceof Uint8Array ? new Uint8Array(x.size) : new Floats(x.size);
      walk(shape, [tensor(out, shape), x], (i, j) => {
        out[i] = data[j]!;
      });
      return out as Awaited<ReturnType<Backend<Tensor, D>["download"]>>;
    },
    shape: (x) => own(x).shape,
    boolean: (x) => own(x).data instanceof Uint8Array,
    // JavaScript frees arrays.
    free() {},
    compile: eager(ops),
    vjp: eagerVjp(ops, () => backend),
  };
  return backend;
}

const name = "ndarray";
