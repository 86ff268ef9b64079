import type { Storage } from "./host.ts";

/** A tensor as a kernel declares it. */
export interface Element {
  readonly name: string;
  readonly storage: Storage;
  /** True if the kernel reads or writes four floats at a time. */
  readonly vec4: boolean;
  readonly written: boolean;
}

/** Returns the type of the elements of the array that a kernel binds. */
export function elementType({ name, storage, vec4, written }: Element, code: string): string {
  if (storage === "boolean") return "i32";
  if (storage === "float32") return vec4 ? "vec4f" : "f32";
  if (vec4) return "vec2u";
  return written && !calls(code, `${name}_put2`) ? "atomic<u32>" : "u32";
}

/**
 * Returns the functions by which a kernel reads and writes a tensor, whatever its storage. Those that the code does not
 * call are left out.
 *
 * - `x_at(i)` is element i, `x_at4(i)` are elements 4 i to 4 i + 3 of a tensor in `vec4`. Both are f32, or bool if boolean.
 * - `x_true(i)` is a bool: whether element i is true, or a float that is not 0.
 * - `y_put(i, x)` writes element i, `y_put4(i, x)` four.
 * - `y_put2(i, x)` writes elements 2 i and 2 i + 1 of a tensor of halves in one piece. `y_put` needs two atomic operations.
 */
export function accessors({ name, storage, vec4 }: Element, code: string): string {
  const half = storage === "float16";
  const all: Readonly<Record<string, string>> = {
    at:
      storage === "boolean"
        ? `(i: u32) -> bool { return ${name}[i] != 0; }`
        : `(i: u32) -> f32 { return ${element(name, half, vec4)}; }`,
    true: `(i: u32) -> bool { return ${storage === "boolean" ? `${name}[i] != 0` : `${element(name, half, vec4)} != 0.0`}; }`,
    at4: `(i: u32) -> vec4f { ${half ? `let w = ${name}[i]; return vec4f(halves_of(w.x), halves_of(w.y));` : `return ${name}[i];`} }`,
    put: `(i: u32, x: f32) { ${half ? putHalf(name) : `${name}[i] = x;`} }`,
    put2: `(i: u32, x: vec2f) { ${name}[i] = word_of(x); }`,
    put4: `(i: u32, x: vec4f) { ${name}[i] = ${half ? "vec2u(word_of(x.xy), word_of(x.zw))" : "x"}; }`,
  };
  return Object.entries(all)
    .filter(([kind]) => calls(code, `${name}_${kind}`))
    .map(([kind, body]) => `fn ${name}_${kind}${body}\n`)
    .join("");
}

/** The name of a tensor may end that of another, as `v` and `dv` do. */
const calls = (code: string, name: string): boolean => new RegExp(`\\b${name}\\(`).test(code);

function element(name: string, half: boolean, vec4: boolean): string {
  if (!half) return vec4 ? `${name}[i / 4u][i % 4u]` : `${name}[i]`;
  return vec4 ? `halves_of(${name}[i / 4u][i / 2u % 2u])[i % 2u]` : `halves_of(${name}[i / 2u])[i % 2u]`;
}

/** Two threads may write the halves of one word: each changes its own bits alone. */
const putHalf = (name: string) => `
  let shift = 16u * (i % 2u);
  atomicAnd(&${name}[i / 2u], ~(0xffffu << shift));
  atomicOr(&${name}[i / 2u], (word_of(vec2f(x, 0.0)) & 0xffffu) << shift);`;

/**
 * WGSL `halves_of(word)` and `word_of(halves)`. Infinities and NaN are converted by their bits, because WGSL may assume
 * that there are none. Numbers are rounded to the nearest half, ties to even, as everywhere else; `pack2x16float` may round
 * either way.
 */
export const halves = `
fn halves_of(word: u32) -> vec2f {
  let bits = vec2u(word & 0xffffu, word >> 16u);
  let special = ((bits & vec2u(0x8000u)) << vec2u(16u)) | vec2u(0x7f800000u) | ((bits & vec2u(0x3ffu)) << vec2u(13u));
  return select(unpack2x16float(word), bitcast<vec2f>(special), (bits & vec2u(0x7c00u)) == vec2u(0x7c00u));
}
fn word_of(x: vec2f) -> u32 {
  let bits = bitcast<vec2u>(x);
  let size = bits & vec2u(0x7fffffffu);
  let normal = (size - vec2u(0x38000000u) + vec2u(0xfffu) + ((size >> vec2u(13u)) & vec2u(1u))) >> vec2u(13u);
  // Below 2^-14 the unit of a half is 2^-24, which is that of floats around 0.5.
  let small = bitcast<vec2u>(bitcast<vec2f>(min(size, vec2u(0x38800000u))) + vec2f(0.5)) - vec2u(0x3f000000u);
  var half = select(normal, small, size < vec2u(0x38800000u));
  half = select(half, vec2u(0x7c00u), size >= vec2u(0x477ff000u)); // from 65520 on
  half = select(half, vec2u(0x7e00u), size > vec2u(0x7f800000u));
  half |= (bits >> vec2u(16u)) & vec2u(0x8000u);
  return half.x | (half.y << 16u);
}
`;
