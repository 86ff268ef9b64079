import type { Floats } from "./ndarray.ts";

/**
 * Computes `out[r, j] = f(a[r, j], b[r, j])` for m rows of n. `out` is written from `o` on. Operand a is read at `ai +
 * r * ar + j * aj`, operand b likewise.
 * Each operation has its own loop: V8 compiles a loop without a callback to faster code.
 */
export type Plane = (
  out: Floats,
  o: number,
  m: number,
  n: number,
  a: Floats,
  ai: number,
  ar: number,
  aj: number,
  b: Floats,
  bi: number,
  br: number,
  bj: number,
) => void;

export const add: Plane = (out, o, m, n, a, ai, ar, aj, b, bi, br, bj) => {
  for (let r = 0; r < m; r++, ai += ar, bi += br)
    for (let j = 0, p = ai, q = bi; j < n; j++, p += aj, q += bj) out[o++] = a[p]! + b[q]!;
};

export const sub: Plane = (out, o, m, n, a, ai, ar, aj, b, bi, br, bj) => {
  for (let r = 0; r < m; r++, ai += ar, bi += br)
    for (let j = 0, p = ai, q = bi; j < n; j++, p += aj, q += bj) out[o++] = a[p]! - b[q]!;
};

export const mul: Plane = (out, o, m, n, a, ai, ar, aj, b, bi, br, bj) => {
  for (let r = 0; r < m; r++, ai += ar, bi += br)
    for (let j = 0, p = ai, q = bi; j < n; j++, p += aj, q += bj) out[o++] = a[p]! * b[q]!;
};

export const div: Plane = (out, o, m, n, a, ai, ar, aj, b, bi, br, bj) => {
  for (let r = 0; r < m; r++, ai += ar, bi += br)
    for (let j = 0, p = ai, q = bi; j < n; j++, p += aj, q += bj) out[o++] = a[p]! / b[q]!;
};

export const maximum: Plane = (out, o, m, n, a, ai, ar, aj, b, bi, br, bj) => {
  for (let r = 0; r < m; r++, ai += ar, bi += br)
    for (let j = 0, p = ai, q = bi; j < n; j++, p += aj, q += bj) out[o++] = Math.max(a[p]!, b[q]!);
};

export const minimum: Plane = (out, o, m, n, a, ai, ar, aj, b, bi, br, bj) => {
  for (let r = 0; r < m; r++, ai += ar, bi += br)
    for (let j = 0, p = ai, q = bi; j < n; j++, p += aj, q += bj) out[o++] = Math.min(a[p]!, b[q]!);
};

/** Computes one row of `where`: `out[j] = w[j] ? a[j] : b[j]`. */
export function select(
  out: Floats,
  o: number,
  n: number,
  w: Uint8Array,
  wi: number,
  wj: number,
  a: Floats,
  ai: number,
  aj: number,
  b: Floats,
  bi: number,
  bj: number,
): void {
  for (let j = 0; j < n; j++, wi += wj, ai += aj, bi += bj) out[o + j] = w[wi] === 0 ? b[bi]! : a[ai]!;
}

export function log(out: Floats, x: Floats): void {
  for (let i = 0; i < out.length; i++) out[i] = Math.log(x[i]!);
}

export function tanh(out: Floats, x: Floats): void {
  for (let i = 0; i < out.length; i++) out[i] = Math.tanh(x[i]!);
}
