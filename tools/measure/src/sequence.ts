import type { DType, Shape } from "@attnkit/core";
import { f16round } from "@petamoriken/float16";

type Floats = Float32Array | Float64Array;

/**
 * A sequence with as many queries as keys, row-major: q `[B, Hq, L, d]`, k `[B, Hkv, L, d]` and v `[B, Hkv, L, dv]`.
 */
export interface Sequence {
  readonly q: Floats;
  readonly k: Floats;
  readonly v: Floats;
  readonly B: number;
  readonly Hq: number;
  readonly Hkv: number;
  readonly length: number;
  readonly d: number;
  readonly dv: number;
}

export type Part = { readonly data: Floats; readonly shape: Shape };

/** Returns the tokens `from <= t < to` of q, k and v. */
export function part(s: Sequence, from: number, to: number): Record<"q" | "k" | "v", Part> {
  const cut = (data: Floats, heads: number, width: number): Part => {
    const shape = [s.B, heads, to - from, width];
    if (from === 0 && to === s.length) return { data, shape };
    const out = new (data.constructor as Float32ArrayConstructor)(s.B * heads * (to - from) * width);
    for (let h = 0; h < s.B * heads; h++) {
      out.set(data.subarray((h * s.length + from) * width, (h * s.length + to) * width), h * (to - from) * width);
    }
    return { data: out, shape };
  };
  return { q: cut(s.q, s.Hq, s.d), k: cut(s.k, s.Hkv, s.d), v: cut(s.v, s.Hkv, s.dv) };
}

/** Rounds a sequence to numbers that `dtype` can represent. Backend and oracle then start from the same inputs. */
export function rounded(s: Sequence, dtype: DType): Sequence {
  if (dtype === "float64") return s;
  const nearest = (x: Floats): Floats => {
    if (dtype === "float16") return Float32Array.from(x, f16round);
    return x instanceof Float32Array ? x : Float32Array.from(x);
  };
  return { ...s, q: nearest(s.q), k: nearest(s.k), v: nearest(s.v) };
}

/** Returns the largest magnitude and the standard deviation, for records of the input. */
export function spread(x: Floats): { largest: number; deviation: number } {
  let [largest, sum, squares] = [0, 0, 0];
  for (const value of x) {
    largest = Math.max(largest, Math.abs(value));
    sum += value;
    squares += value * value;
  }
  const n = Math.max(1, x.length);
  return { largest, deviation: Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2)) };
}
