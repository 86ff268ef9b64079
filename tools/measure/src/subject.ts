import { type Adapter, adapterOf } from "@attnkit/catalog";
import {
  attention,
  type Backend,
  type Block,
  type Mechanism,
  type Result,
  type Shape,
  type State,
} from "@attnkit/core";
import { mechanismProgram, type Program, type ProgramCost, programCost, stateName } from "@attnkit/core/backend";
import type { Reference } from "@attnkit/core/program";
import { type Choice, label, make } from "./choice.ts";
import { type Part, part, rounded, type Sequence } from "./sequence.ts";

export type Kernels = "prefer" | "require" | "never";

/** The part of a backend that is used outside the timed calls. */
export type Device = Pick<Backend<unknown>, "upload" | "download" | "shape" | "free" | "dtype" | "device">;
type Attend = (block: Block<unknown>) => Promise<Result<unknown>>;

/** The properties of a cell that is not attnkit's. */
export interface Foreign {
  readonly name: string;
  readonly beside: readonly string[] | null;
  /** Returns the number of elements of the largest tensor of a prefill, as far as it is known. */
  largest(length: number): number;
  /** Only for a plain matrix product: its operations, and the error of an output divided by the allowed one. */
  readonly other: { flops(length: number): number; errorUsed(y: unknown): Promise<number> } | null;
}

/** One cell of the table, ready to run: a mechanism on a backend, with its reference and its input. */
export interface Subject {
  readonly id: string;
  readonly choice: Choice;
  readonly mechanism: Mechanism;
  readonly backend: Device;
  /** The backend's name in the catalog. */
  readonly entryName: string;
  readonly reference: Reference;
  /** The input, rounded to the backend's float type. */
  readonly sequence: Sequence;
  readonly attend: Attend;
  /** The same call without causality. One query over a whole block makes a state without the cost of a prefill. */
  readonly absorb: Attend;
  readonly adapter: Adapter | null;
  /** The backend whose GPU can be metered, if there is one. */
  readonly metered: Backend<unknown> | null;
  /** Present if the cell is not attnkit's. It then has prefill only, without state. */
  readonly baseline?: Foreign;
  /** Resolves when everything that `x` depends on has been computed. */
  settle(x: unknown): Promise<void>;
}

export async function subject(
  choice: Choice,
  backend: Backend<unknown>,
  entryName: string,
  sequence: Sequence,
  kernels: Kernels,
): Promise<Subject> {
  const mechanism = await make(choice, backend);
  return {
    id: `${label(choice)} on ${entryName} ${backend.dtype}`,
    choice,
    mechanism,
    backend,
    entryName,
    reference: choice.entry.reference(choice.options),
    sequence: rounded(sequence, backend.dtype),
    adapter: (await adapterOf(entryName, backend)) ?? null,
    metered: backend,
    attend: attention(mechanism, backend, { causal: true, kernels }),
    absorb: attention(mechanism, backend, { causal: false, kernels: kernels === "require" ? "prefer" : kernels }),
    settle: settling(backend),
  };
}

/** Returns a function that resolves when everything that a tensor depends on has been computed. It downloads one element. */
export function settling(backend: Backend<unknown>): (x: unknown) => Promise<void> {
  const first: Program = (o, { x }) => {
    const rank = o.shape(x!).length;
    const one = Array.from({ length: rank }).reduce<typeof x>((t, _, axis) => o.slice(t!, axis, 0, 1), x);
    return { one: one! };
  };
  const probe = backend.compile(first);
  return async (x) => {
    const { one } = await probe({ x });
    await backend.download(one);
    backend.free(one);
  };
}

export type Uploaded = Record<"q" | "k" | "v", unknown>;

/** Uploads the tokens `from <= t < to`. */
export function upload({ backend, sequence }: Subject, from: number, to: number): Uploaded {
  const up = ({ data, shape }: Part) => backend.upload(data, shape);
  const { q, k, v } = part(sequence, from, to);
  return { q: up(q), k: up(k), v: up(v) };
}

/** Frees tensors, except those in `kept`. */
export function release({ backend }: Subject, gone: Iterable<unknown>, kept: Iterable<unknown> = []): void {
  const keep = new Set(kept);
  for (const x of new Set(gone)) if (!keep.has(x)) backend.free(x);
}

export const parts = (r: Result<unknown>): unknown[] => [
  r.y,
  ...(r.lse === undefined ? [] : [r.lse]),
  ...Object.values(r.state),
];

/** Returns the state after the first `context` tokens. */
export async function stateAfter(s: Subject, context: number): Promise<State<unknown>> {
  const up = ({ data, shape }: Part) => s.backend.upload(data, shape);
  const { k, v } = part(s.sequence, 0, context);
  const block = { q: up(part(s.sequence, context - 1, context).q), k: up(k), v: up(v) };
  const result = await s.absorb(block);
  await s.settle(result.y);
  release(s, [...Object.values(block), result.y], Object.values(result.state));
  return result.state;
}

/** Returns the bytes of a state on the device: 1 per boolean, and the size of the backend's float type per float. */
export async function stateBytes({ backend }: Subject, state: State<unknown>): Promise<number> {
  const width = { float16: 2, float32: 4, float64: 8 }[backend.dtype];
  let bytes = 0;
  for (const x of Object.values(state)) {
    const size = backend.shape(x).reduce((a, b) => a * b, 1);
    bytes += size * ((await backend.download(x)) instanceof Uint8Array ? 1 : width);
  }
  return bytes;
}

/** Returns the cost of the portable program for one prefill of `length` tokens. */
export function prefillCost(s: Subject, length: number): ProgramCost {
  const { B, Hq, d, dv } = s.sequence;
  const other = s.baseline?.other;
  if (s.baseline && other) {
    const largest = s.baseline.largest(length);
    return { ops: 1, flops: other.flops(length), bytes: 12 * largest, largest, outputs: { y: [B, Hq, d, dv] } };
  }
  return programCost(mechanismProgram(s.mechanism, { causal: true, lse: false }), shapes(s, length));
}

/**
 * Returns the operations that a causal prefill needs. If every query reads every earlier key, these are the two
 * products over such pairs only. Otherwise they are those of the portable program.
 */
export function prefillWork(s: Subject, length: number): number {
  const { B, Hq, d, dv } = s.sequence;
  if (s.baseline?.other) return s.baseline.other.flops(length);
  const pairs = (length * (length + 1)) / 2;
  return growing(s) ? 2 * B * Hq * (d + dv) * pairs : prefillCost(s, length).flops;
}

/** Returns whether the state grows with the context, by a key and a value per token. */
const growing = ({ mechanism, sequence: { B, Hq, Hkv, d, dv } }: Subject): boolean =>
  Object.values(mechanism.state({ B, Hq, Hkv, L: 1, S: 1, d, dv })).some((e) => !e.optional && e.shape.includes("P"));

/** Returns the cost of the portable program for one decoded token after `context` tokens. */
export function decodeCost(s: Subject, context: number): ProgramCost {
  const { B, Hq, Hkv, d, dv } = s.sequence;
  const entries = Object.entries(s.mechanism.state({ B, Hq, Hkv, L: 1, S: 1, d, dv })).filter(([, e]) => !e.optional);
  const state = entries.map(([name, e]) => [stateName(name), e.shape.map((n) => (n === "P" ? context : n))] as const);
  return programCost(mechanismProgram(s.mechanism, { causal: true, lse: false }), {
    ...shapes(s, 1),
    ...Object.fromEntries(state),
  });
}

function shapes({ sequence: { B, Hq, Hkv, d, dv } }: Subject, n: number): Record<string, Shape> {
  return { q: [B, Hq, n, d], k: [B, Hkv, n, d], v: [B, Hkv, n, dv] };
}
