import type { Subject } from "@attnkit/measure/subject";
import type { StateSize } from "./crossover.ts";

const WIDTH = { float16: 2, float32: 4, float64: 8 } as const;

/** Returns the bytes of a mechanism's state as a function of the tokens in it, by the shapes that it declares. */
export function stateSize({ mechanism, backend, sequence: { B, Hq, Hkv, d, dv } }: Subject): StateSize {
  const entries = Object.values(mechanism.state({ B, Hq, Hkv, L: 1, S: 1, d, dv })).filter((e) => !e.optional);
  let [fixed, perToken] = [0, 0];
  for (const { shape } of entries) {
    const bytes = shape.reduce<number>((n, s) => n * (s === "P" ? 1 : s), WIDTH[backend.dtype]);
    if (shape.includes("P")) perToken += bytes;
    else fixed += bytes;
  }
  return { fixed, perToken };
}
