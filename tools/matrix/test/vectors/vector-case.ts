import { mechanisms } from "@attnkit/catalog/mechanisms";
import type { Options } from "@attnkit/core";
import { type HostBlock, oracle, random, type VectorCase, type VectorTensor } from "@attnkit/core/conformance";

const draw = random("vectors");

export function tensor(dtype: "float32" | "float64", shape: number[]): VectorTensor {
  const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => draw.normal());
  return { shape, data: dtype === "float32" ? Float32Array.from(data) : Float64Array.from(data) };
}

export const bytes = (shape: number[], data: number[]): VectorTensor => ({ shape, data: Uint8Array.from(data) });
const host = ({ shape, data }: VectorTensor) => ({
  shape,
  data: data instanceof Uint8Array ? data : Float64Array.from(data),
});

/** A case whose expected output is the oracle's. */
export function expected(name: string, options: Options, dtype: "float32" | "float64", n: number): VectorCase {
  const causal = ([true, false, "end"] as const)[n % 3]!;
  const inputs = {
    ...{ q: tensor(dtype, [2, 4, 3, 4]), k: tensor(dtype, [2, 2, 5, 4]), v: tensor(dtype, [2, 2, 5, 4]) },
    keyMask: bytes([2, 5], [1, 1, 1, 0, 1, 1, 0, 1, 1, 1]),
  };
  const block: HostBlock = { q: host(inputs.q), k: host(inputs.k), v: host(inputs.v), keyMask: host(inputs.keyMask) };
  const { y } = oracle(mechanisms.find((m) => m.name === name)!.reference(options), { block, causal });
  const data = dtype === "float32" ? Float32Array.from(y.data) : Float64Array.from(y.data);
  const tolerance = dtype === "float32" ? 1e-5 : 1e-12;
  return {
    ...{ name: `${name} ${JSON.stringify(options)} ${dtype} ${n}`, mechanism: name, options, causal, inputs },
    ...{ outputs: { y: { shape: y.shape, data } }, atol: tolerance, rtol: tolerance },
  };
}
