import { AttentionError, type Shape } from "@attnkit/core";
import type { Tensor, Tf } from "./tf.ts";

/** The part of tfjs's WebGL backend that runs a program of one's own. */
interface WebGLBackend {
  runWebGLProgram(
    program: { readonly variableNames: string[]; readonly outputShape: number[]; readonly userCode: string },
    inputs: Tensor[],
    dtype: "float32",
  ): Parameters<ReturnType<Tf["engine"]>["makeTensorFromTensorInfo"]>[0];
}

/**
 * Returns whether tfjs runs on WebGL now. Throws `ATTN_UNSUPPORTED` where its numbers would not be float32: on devices that
 * render to textures of float16 alone, and with WebGL 1, which has no test for NaN.
 */
export function onWebgl(tf: Tf): boolean {
  if (tf.getBackend() !== "webgl") return false;
  const version = tf.env().getNumber("WEBGL_VERSION");
  const float32 = tf.env().getBool("WEBGL_RENDER_FLOAT32_ENABLED");
  if (version < 2 || !float32)
    throw new AttentionError(
      "ATTN_UNSUPPORTED",
      "tfjs-webgl",
      `needs WebGL 2 with textures of float32; got WebGL ${version} with float${float32 ? 32 : 16}, ` +
        "expected WEBGL_VERSION 2 and WEBGL_RENDER_FLOAT32_ENABLED true. Set another tfjs backend: webgpu, wasm or cpu",
    );
  return true;
}

/**
 * `a / b`. tfjs's own WebGL kernel returns 1 wherever a equals b, so 0 / 0 and Infinity / Infinity would not be NaN. Other
 * equal operands still give 1 exactly, which a driver's division need not. Both are float32 and broadcast to `shape`.
 */
export function quotient(tf: Tf, a: Tensor, b: Tensor, shape: Shape): Tensor {
  const program = {
    variableNames: ["A", "B"],
    outputShape: [...shape],
    userCode: `void main() {
      float a = getAAtOutCoords();
      float b = getBAtOutCoords();
      float q = a / b;
      setOutput(a == b && !isnan(q) ? 1.0 : q);
    }`,
  };
  const backend = tf.backend() as unknown as WebGLBackend;
  return tf.engine().makeTensorFromTensorInfo(backend.runWebGLProgram(program, [a, b], "float32"));
}

/** Any power of two that brings every float32 above the -1e20 where tfjs's WebGL kernel starts. */
const SHRINK = 2 ** -64;

/**
 * The largest along axis 1. tfjs's WebGL kernel starts from -1e20, so it never returns less. Where it did not return more,
 * the numbers are compared again, shrunk: then -1e20 stands for -Infinity, and it overflows to that when it is enlarged.
 */
export function largest(tf: Tf, x: Tensor): Tensor {
  const usual = tf.max(x, 1);
  const low = tf.mul(tf.max(tf.mul(x, SHRINK), 1), 1 / SHRINK);
  return tf.where(tf.greater(usual, -(2 ** 66)), usual, low);
}
