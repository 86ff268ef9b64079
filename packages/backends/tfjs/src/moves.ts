import { AttentionError } from "@attnkit/core";
import {
  checkedShape,
  concatShape,
  elementCount,
  reshapeShape,
  sliceShape,
  takeShape,
  transposeShape,
} from "@attnkit/core/backend";
import type { EagerOps } from "@attnkit/core/program";
import { type Around, around, empty, float } from "./layout.ts";
import type { Tensor, Tf } from "./tf.ts";

type Moves = Pick<EagerOps<Tensor>, "constant" | "reshape" | "transpose" | "slice" | "concat" | "take">;

/** Returns the operations that only move elements. Floats stay floats and booleans stay booleans. */
export function moves(tf: Tf): Moves {
  const none = (x: Tensor, shape: readonly number[]) => empty(tf, shape, x.dtype === "bool" ? "bool" : "float32");
  return {
    constant(data, shape) {
      const size = elementCount(checkedShape("constant", shape));
      if (data.length !== size)
        throw new AttentionError(
          "ATTN_DATA",
          "constant",
          `got ${data.length} values for [${shape.join(", ")}], expected ${size}`,
        );
      return tf.tensor(Float32Array.from(data), [...shape], "float32");
    },

    reshape: (x, shape) => tf.reshape(x, [...reshapeShape(x.shape, shape)]),

    transpose(x, perm) {
      const shape = transposeShape(x.shape, perm);
      if (x.size === 0) return none(x, shape);
      return tf.transpose(
        x,
        perm.map((p) => (p < 0 ? p + x.rank : p)),
      );
    },

    slice(x, axis, start, end) {
      const shape = sliceShape(x.shape, axis, start, end);
      if (elementCount(shape) === 0) return none(x, shape);
      const { outer, n, inner } = around("slice", x.shape, axis);
      if (outer === 1 && tf.getBackend() === "wasm")
        return tf.tensor(rangeOf(tf, x, start * inner, end * inner), [...shape], x.dtype);
      const part = tf.slice(tf.reshape(x, [outer, n, inner]), [0, start, 0], [outer, end - start, inner]);
      return tf.reshape(part, [...shape]);
    },

    concat(xs, axis) {
      const shape = concatShape(
        xs.map((x) => x.shape),
        axis,
      );
      const boolean = xs.every((x) => x.dtype === "bool");
      const parts = xs.filter((x) => x.size > 0);
      if (parts.length === 0) return empty(tf, shape, boolean ? "bool" : "float32");
      const flat = parts.map((x) => {
        const { outer, n, inner } = around("concat", x.shape, axis);
        return tf.reshape(boolean ? x : float(tf, x), [outer, n * inner]);
      });
      return tf.reshape(tf.concat(flat, 1), [...shape]);
    },

    take(x, axis, indices) {
      const shape = takeShape(x.shape, axis, indices);
      if (elementCount(shape) === 0) return none(x, shape);
      const { outer, n, inner } = around("take", x.shape, axis);
      if (tf.getBackend() === "wasm") return tf.tensor(rowsOf(x, { outer, n, inner }, indices), [...shape], x.dtype);
      const taken = tf.gather(tf.reshape(x, [outer, n, inner]), tf.tensor1d([...indices], "int32"), 1);
      return tf.reshape(taken, [...shape]);
    },
  };
}

/**
 * Returns the elements `start <= i < end` of x on WebAssembly as host data. tfjs's `slice` copies all of its input to
 * JavaScript first, however few elements it keeps.
 */
function rangeOf(tf: Tf, x: Tensor, start: number, end: number): Float32Array | Uint8Array {
  type Wasm = { readSync(dataId: Tensor["dataId"], start: number, end: number): Float32Array | Uint8Array };
  return (tf.backend() as unknown as Wasm).readSync(x.dataId, start, end);
}

/**
 * Returns the entries `indices` of the axis of size n of `x`, `[outer, n, inner]`, as host data. On WebAssembly the data lie in
 * memory that JavaScript reads at once, and tfjs's own kernel takes some hundred times as long as copying rows.
 */
function rowsOf(x: Tensor, { outer, n, inner }: Around, indices: readonly number[]): Float32Array | Uint8Array {
  const from = x.dataSync() as Float32Array | Uint8Array;
  const size = outer * indices.length * inner;
  const to = x.dtype === "bool" ? new Uint8Array(size) : new Float32Array(size);
  let at = 0;
  for (let i = 0; i < outer; i++) {
    for (const index of indices) {
      const first = (i * n + index) * inner;
      if (inner === 1) to[at] = from[first]!;
      else to.set(from.subarray(first, first + inner), at);
      at += inner;
    }
  }
  return to;
}
