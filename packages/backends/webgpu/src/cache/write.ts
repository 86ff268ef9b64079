import type { Tensors } from "@attnkit/core";
import type { AppendedKeys } from "@attnkit/core/program";
import { beginElement, type Gpu, run, THREADS } from "../ops/gpu.ts";
import type { GpuTensor } from "../tensor.ts";

/** The names of the tensors of a cache. */
const NAMES = ["k", "v", "keep"] as const;

/** The entries of a cache that one dispatch writes. All tensors are row-major. */
export interface Written {
  /** Keys of the state, for those of `k`, `v` and `keep` whose first entries are not in the cache yet. */
  readonly past: Tensors<GpuTensor>;
  /** The block's own `k` and `v`, if they are not in the cache yet. */
  readonly own?: Tensors<GpuTensor>;
  /** Non-zero for present keys. The own k and v of the others become 0. */
  readonly keyMask?: GpuTensor | undefined;
}

/** Writes entries of a cache whose last `S` tokens are those of a block. It takes one dispatch. */
export function writeCache(gpu: Gpu, all: AppendedKeys<GpuTensor>, S: number, written: Written): void {
  const { past, own, keyMask } = written;
  const writesOwn = own !== undefined || keyMask !== undefined;
  const [B, H, T] = all.k.shape as [number, number, number];
  const P = T - S;
  const parts = NAMES.filter((name) => all[name] && (writesOwn || past[name])).map((name) => {
    const x = all[name]!;
    const [heads, width] = name === "keep" ? [B, 1] : [B * H, x.shape[3]!];
    const half = x.dtype === "float16";
    // The tokens of a cache are whole words.
    const units = (tokens: number) => (tokens * heads * width) / (half ? 2 : 1);
    const first = past[name] ? 0 : units(P);
    return { name, x, half, heads, width, first, n: units(writesOwn ? T : P) - first };
  });
  const named = (of: Tensors<GpuTensor>, ending: string) =>
    Object.fromEntries(Object.entries(of).map(([name, x]) => [`${name}_${ending}`, x]));
  const outputs = Object.fromEntries(parts.map(({ name, x }) => [name, gpu.memory.elements(x)]));
  const n = Math.max(...parts.map((part) => part.n));
  run(gpu, {
    name: "write cache",
    code: `${parts.map(({ name, heads }) => entry(name, written, heads / B)).join("")}${beginElement}${parts
      .map(
        ({ name, half }) => `
  if (i < p.${name}_n) {
    let at = p.${name}_first + i;
    ${half ? `${name}_put2(at, vec2f(${name}_entry(2u * at), ${name}_entry(2u * at + 1u)))` : `${name}_put(at, ${name}_entry(at))`};
  }`,
      )
      .join("")}
}`,
    inputs: { ...named(past, "past"), ...(own && named(own, "own")), ...(keyMask && { keyMask }) },
    outputs,
    sizes: {
      ...{ n, S, past: P },
      ...Object.fromEntries(
        parts.flatMap(({ name, heads, width, first, n }) => [
          [`${name}_heads`, heads],
          [`${name}_width`, width],
          [`${name}_first`, first],
          [`${name}_n`, n],
        ]),
      ),
    },
    groups: Math.ceil(n / THREADS),
  });
  for (const x of Object.values(outputs)) gpu.memory.free(x);
}

/** WGSL `name_entry(at)`: element `at` of the tensor as the cache holds it, token after token. */
function entry(name: (typeof NAMES)[number], { past, own, keyMask }: Written, perBatch: number): string {
  const from = (source: string, tokens: string, token: string) =>
    `${source}_at((head * ${tokens} + ${token}) * p.${name}_width + at % p.${name}_width)`;
  const given = name === "keep" ? "1.0" : own ? from(`${name}_own`, "p.S", "(token - p.past)") : `${name}_at(at)`;
  return `
fn ${name}_entry(at: u32) -> f32 {
  let head = at / p.${name}_width % p.${name}_heads;
  let token = at / p.${name}_width / p.${name}_heads;
  ${past[name] ? `if (token < p.past) { return ${from(`${name}_past`, "p.past", "token")}; }` : ""}
  ${keyMask ? `if (!keyMask_true(head / ${perBatch}u * p.S + token - p.past)) { return 0.0; }` : ""}
  return ${given};
}`;
}
