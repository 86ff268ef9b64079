import type { Mechanism, Shape, Tensors } from "@attnkit/core";
import type { StateEntry } from "@attnkit/core/program";
import type { ExportDims, ExportOptions } from "./export-options.ts";
import type { Sizes } from "./sizes.ts";
import type { Type } from "./value.ts";

export type Inputs = Readonly<Record<string, { readonly type: Type; readonly shape: Shape }>>;

/** The sizes that may differ from call to call. */
interface Free {
  readonly batch: number;
  readonly length: number;
  readonly past: number;
  /** Past keys plus the keys of the block. */
  readonly total: number;
}

/** Returns the sizes of a file. Sizes that are chosen at run time are symbolic dimensions. */
export function symbols(sizes: Sizes, { B, L }: ExportDims, past: boolean): Free {
  const length = L ?? sizes.symbol("length");
  const before = past ? sizes.symbol("past") : 0;
  const total = past ? sizes.total([before, length]) : length;
  return { batch: B ?? sizes.symbol("batch"), length, past: before, total };
}

/** Returns example sizes for a file, to check the call and to choose a program. */
export function examples({ B = 2, L = 4096 }: ExportDims, past: boolean): Free {
  return { batch: B, length: L, past: past ? 3 : 0, total: past ? L + 3 : L };
}

/** Returns the type and shape of every input of a file. */
export function inputsOf(mechanism: Mechanism, asked: ExportOptions, free: Free): Inputs {
  const { form, dims, ...options } = asked;
  const { Hq, Hkv = Hq, d, dv = d } = dims;
  const { batch, length, past, total } = free;
  const type = options.dtype === "float16" ? "half" : "float";
  const pairs = (heads: ExportOptions["mask"]) => [batch, heads === "per-head" ? Hq : 1, length, total];
  const state = form === "prefill" ? {} : entriesOf(mechanism, asked, free);
  const remembered = Object.entries(state).flatMap(([name, { shape, optional }]) => {
    if (optional && !options.keyMask) return [];
    return [
      [`past.${name}`, { type: stateType(shape, type), shape: shape.map((n) => (n === -1 ? past : n)) }] as const,
    ];
  });
  return {
    q: { type, shape: [batch, Hq, length, d] },
    k: { type, shape: [batch, Hkv, length, d] },
    v: { type, shape: [batch, Hkv, length, dv] },
    ...(options.mask && { mask: { type: "bool", shape: pairs(options.mask) } }),
    ...(options.bias && { bias: { type, shape: pairs(options.bias) } }),
    ...(options.keyMask && { keyMask: { type: "bool", shape: [batch, length] } }),
    ...Object.fromEntries(remembered),
  };
}

/**
 * Returns the type of a state entry. Caches of tokens have the type of the inputs. Sums are float32: they would exceed
 * float16's range and lose small terms.
 */
export const stateType = (shape: Shape, type: "half" | "float"): Type => (shape.includes(-1) ? type : "float");

/**
 * Returns the entries of the state. With `mask` or `bias`, single pairs of tokens are masked: only a state that keeps k
 * and v can do that.
 */
export function entriesOf(
  mechanism: Mechanism,
  { dims: { Hq, Hkv = Hq, d, dv = d }, mask, bias }: ExportOptions,
  { batch: B, length: L }: Pick<Free, "batch" | "length"> = { batch: 1, length: 1 },
): Readonly<Record<string, StateEntry>> {
  return mechanism.state({ B, Hq, Hkv, L, S: L, d, dv }, mask || bias ? ["k", "v"] : undefined);
}

/** Returns whether the state has an entry that grows with every token. */
export const keepsTokens = (mechanism: Mechanism, asked: ExportOptions): boolean =>
  Object.values(entriesOf(mechanism, asked)).some(({ shape }) => shape.includes(-1));

export const shapesOf = (inputs: Inputs): Record<string, Shape> =>
  renamed(Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape])), "past.", "state.");

export const renamed = <T>(x: Tensors<T>, from: string, to: string): Record<string, T> =>
  Object.fromEntries(Object.entries(x).map(([n, t]) => [n.startsWith(from) ? to + n.slice(from.length) : n, t]));
