import { AttentionError, type Shape } from "@attnkit/core";
import type { Tensor, Tf } from "./tf.ts";

/** The part of tfjs's WebGL backend that runs a custom program. */
interface WebGLBackend {
  runWebGLProgram(
    program: { readonly variableNames: string[]; readonly outputShape: number[]; readonly userCode: string },
    inputs: Tensor[],
    dtype: "float32",
  ): Parameters<ReturnType<Tf["engine"]>["makeTensorFromTensorInfo"]>[0];
}

/**
 * Returns whether tfjs runs on WebGL now. Throws `ATTN_UNSUPPORTED` if WebGL would not compute in float32: on devices
 * that render to float16 textures only, and with WebGL 1, which has no test for NaN.
 */
export function onWebgl(tf: Tf): boolean {
  if (tf.getBackend() !== "webgl") return false;
  const version = tf.env().getNumber("WEBGL_VERSION");
  const float32 = tf.env().getBool("WEBGL_RENDER_FLOAT32_ENABLED");
  if (version < 2 || !float32)
    throw new AttentionError(
      "ATTN_UNSUPPORTED",
      "tfjs-webgl",
      `the WebGL backend needs WebGL 2 and float32 textures; got WebGL ${version} with float${float32 ? 32 : 16}, ` +
        "expected WEBGL_VERSION 2 and WEBGL_RENDER_FLOAT32_ENABLED true. Set another tfjs backend: webgpu, wasm or cpu",
    );
  return true;
}

/**
 * Computes `a / b`. Both are float32 and broadcast to `shape`.
 * tfjs's own WebGL kernel returns 1 wherever a = b. Here, 0 / 0 and Infinity / Infinity are NaN. Other equal operands
 * still give exactly 1, which a driver's division does not guarantee.
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

/** A power of two for which every float32 times SHRINK is above -1e20, the start value of tfjs's WebGL kernel. */
const SHRINK = 2 ** -64;

/**
 * Returns the maximum along axis 1. tfjs's WebGL kernel starts at -1e20, so it never returns less.
 * Where the maximum is below -2^66, it is computed again from `x * SHRINK`. There, -1e20 stands for
 * -Infinity, and overflows to it when it is divided by SHRINK.
 */
export function largest(tf: Tf, x: Tensor): Tensor {
  const usual = tf.max(x, 1);
  const low = tf.mul(tf.max(tf.mul(x, SHRINK), 1), 1 / SHRINK);
  return tf.where(tf.greater(usual, -(2 ** 66)), usual, low);
}
