import type { Causal } from "@attnkit/core";
import { type Host, type HostBlock, oracle, random } from "@attnkit/core/conformance";
import type { Reference } from "@attnkit/core/program";
import type { Ort } from "@attnkit/onnx";
import { Float16Array, f16round } from "@petamoriken/float16";
import type * as ORT from "onnxruntime-common";
import { expect } from "vitest";

export type DType = "float16" | "float32";
export const dims = { Hq: 4, Hkv: 2, d: 4, dv: 4 };

/** Random numbers that float16 holds exactly, so that every type is given the same ones. */
const draw = random("onnx files");
const floats = (shape: readonly number[]): Host => {
  const data = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => f16round(draw.normal()));
  return { shape, data };
};
const bits = (shape: readonly number[]): Host => {
  const data = Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => +(draw.normal() < 0.7));
  return { shape, data };
};

/** A block of L tokens; what is named beside q, k and v is there too. */
export function block(B: number, L: number, P: number, also: readonly ("mask" | "bias" | "keyMask")[] = []): HostBlock {
  const { Hq, Hkv, d, dv } = dims;
  return {
    q: floats([B, Hq, L, d]),
    k: floats([B, Hkv, L, d]),
    v: floats([B, Hkv, L, dv]),
    ...(also.includes("mask") && { mask: bits([B, 1, L, P + L]) }),
    ...(also.includes("bias") && { bias: floats([B, 1, L, P + L]) }),
    ...(also.includes("keyMask") && { keyMask: bits([B, L]) }),
  };
}

/** As the runtime takes it; float16 as the bits of each. */
export function tensor({ Tensor }: Ort, { shape, data }: Host, dtype: DType): ORT.Tensor {
  if (data instanceof Uint8Array) return new Tensor("bool", data, [...shape]);
  if (dtype === "float32") return new Tensor("float32", Float32Array.from(data), [...shape]);
  return new Tensor("float16", new Uint16Array(Float16Array.from(data).buffer as ArrayBuffer), [...shape]);
}

export async function numbers(x: ORT.Tensor): Promise<number[]> {
  const data = (await x.getData()) as ArrayLike<number> & { buffer: ArrayBuffer; byteOffset: number; length: number };
  if (x.type !== "float16") return Array.from(data);
  // Where the platform has a Float16Array of its own, the runtime uses it.
  return data instanceof Uint16Array
    ? Array.from(new Float16Array(data.buffer, data.byteOffset, data.length))
    : Array.from(data);
}

/** The largest error of a file's `y` beside the float64 oracle, in units of what the weights and values allow. */
export async function errorOf(
  y: ORT.Tensor,
  reference: Reference,
  call: { readonly block: HostBlock; readonly past: readonly HostBlock[]; readonly causal: Causal },
): Promise<number> {
  const want = oracle(reference, call);
  expect(y.dims).toEqual(want.y.shape);
  const got = await numbers(y);
  const off = got.map((x, i) => {
    const y = want.y.data[i]!;
    // A logarithm of a sum of nothing is -Infinity.
    return x === y ? 0 : Math.abs(x - y) / (1 + want.scale.data[i]!);
  });
  expect(off).not.toContain(Number.NaN);
  return Math.max(...off);
}

/** Far above rounding, far below any mistake. */
export const allowed: Readonly<Record<DType, number>> = { float16: 2e-3, float32: 2e-5 };
