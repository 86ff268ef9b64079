import type { Block, Mechanism, Shape, Tensors } from "@attnkit/core";
import { blockOfNames } from "@attnkit/core/backend";
import type { Dim, StateEntry } from "@attnkit/core/program";
import type { ExportDims, ExportOptions } from "./export-options.ts";
import { type Sizes, totalOf } from "./sizes.ts";
import type { Type } from "./value.ts";

export type Inputs<D extends Dim> = Readonly<
  Record<string, { readonly type: Type; readonly shape: readonly (D | number)[] }>
>;

/** The sizes that may differ from call to call. */
interface Free<D extends Dim> {
  readonly batch: D;
  readonly length: D;
  readonly past: D;
  /** Past keys and the block's own. */
  readonly total: D;
}

/** Sizes of a file: symbols for what is chosen when it runs. */
export function symbols(sizes: Sizes, { B, L }: ExportDims, past: boolean): Free<Dim> {
  const length = L ?? sizes.symbol("length");
  const before = past ? sizes.symbol("past") : 0;
  const total = past ? totalOf([before, length]) : length;
  return { batch: B ?? sizes.symbol("batch"), length, past: before, total };
}

/** Some sizes that a file could be given, to check its rules and choose its program with. */
export function examples({ B = 2, L = 4096 }: ExportDims, past: boolean): Free<number> {
  return { batch: B, length: L, past: past ? 3 : 0, total: past ? L + 3 : L };
}

/** Type and shape of every input of a file. */
export function inputsOf<D extends Dim>(mechanism: Mechanism, asked: ExportOptions, free: Free<D>): Inputs<D> {
  const { form, dims, ...options } = asked;
  const { Hq, Hkv = Hq, d, dv = d } = dims;
  const { batch, length, past, total } = free;
  const type = options.dtype === "float16" ? "half" : "float";
  const pairs = (heads: ExportOptions["mask"]) => [batch, heads === "per-head" ? Hq : 1, length, total];
  const state = form === "prefill" ? {} : entriesOf(mechanism, asked);
  const larger = entriesOf(mechanism, asked, 2);
  const remembered = Object.entries(state).flatMap(([name, { shape, optional }]) => {
    if (optional && !options.keyMask) return [];
    const sizes = shape.map((n, i) => (n === "P" ? past : n === larger[name]!.shape[i] ? n : batch));
    return [[`past.${name}`, { type: stateType(shape, type), shape: sizes }] as const];
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

/** A cache holds what went in, in its type. A sum over all tokens would leave float16's range, and lose small terms. */
export const stateType = (shape: StateEntry["shape"], type: "half" | "float"): Type =>
  shape.includes("P") ? type : "float";

/** The entries of the state for a batch of B. Pairs of tokens can only be masked while they are kept one by one. */
export function entriesOf(
  mechanism: Mechanism,
  { dims: { Hq, Hkv = Hq, d, dv = d }, mask, bias }: ExportOptions,
  B = 1,
): Readonly<Record<string, StateEntry>> {
  return mechanism.state({ B, Hq, Hkv, L: 1, S: 1, d, dv }, mask || bias ? ["k", "v"] : undefined);
}

/** Returns whether the state has an entry that grows with every token. */
export const keepsTokens = (mechanism: Mechanism, asked: ExportOptions): boolean =>
  Object.values(entriesOf(mechanism, asked)).some(({ shape }) => shape.includes("P"));

export const shapesOf = (inputs: Inputs<number>): Block<Shape> =>
  blockOfNames(
    renamed(Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape])), "past.", "state."),
  );

export const renamed = <T>(x: Tensors<T>, from: string, to: string): Record<string, T> =>
  Object.fromEntries(Object.entries(x).map(([n, t]) => [n.startsWith(from) ? to + n.slice(from.length) : n, t]));
