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
import type { Ops } from "@attnkit/core/program";
import { around, empty, float } from "./layout.ts";
import type { Tensor, Tf } from "./tf.ts";

type Moves = Pick<Ops<Tensor>, "constant" | "reshape" | "transpose" | "slice" | "concat" | "take">;

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
      const taken = tf.gather(tf.reshape(x, [outer, n, inner]), tf.tensor1d([...indices], "int32"), 1);
      return tf.reshape(taken, [...shape]);
    },
  };
}
