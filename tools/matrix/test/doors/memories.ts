import { type AttentionOptions, attention, type Backend, type Block, type Mechanism } from "@attnkit/core";

/** One call: an attention by its key, and the shapes of a block. Tensors of equal shapes have equal values. */
export interface Step {
  /** Which of `Setup.attentions` takes it; default `""`. */
  readonly by?: string;
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Entries whose tensors are not what their names expect. */
  readonly as?: Readonly<Record<string, "floats" | "disposed" | "twice the width" | "null">>;
}

export interface Setup {
  readonly create: () => Promise<Backend<unknown>> | Backend<unknown>;
  readonly attentions: Readonly<Record<string, () => readonly [Mechanism, AttentionOptions?]>>;
}

/** Results by name, or the error in words. */
export type Outcome = Readonly<Record<string, readonly number[] | string>>;

/** The attentions of a set-up on one backend, ready to be called again and again. */
export async function called(setup: Setup): Promise<(step: Step) => Promise<Outcome>> {
  const backend = await setup.create();
  const attends = new Map(
    Object.entries(setup.attentions).map(([key, make]) => {
      const [mechanism, options] = make();
      return [key, attention(mechanism, backend, options)];
    }),
  );
  return async ({ by = "", shapes = {}, as = {} }) => {
    const held: unknown[] = [];
    const up = (name: string, shape: readonly number[]): unknown => {
      if (as[name] === "null") return null;
      const n = shape.reduce((a, b) => a * b, 1);
      const boolean = /mask/i.test(name) && as[name] !== "floats";
      const value = (i: number) => (/mask/i.test(name) ? Number(i % 3 !== 1) : Math.sin(i + name.length));
      const values = Array.from({ length: n }, (_, i) => value(i));
      const x = backend.upload(boolean ? Uint8Array.from(values) : Float32Array.from(values), shape);
      if (as[name] === "disposed") backend.free(x);
      else held.push(x);
      return x;
    };
    const entries = Object.entries(shapes).map(([name, shape]) => [name, up(name, shape)] as const);
    const state = entries.filter(([n]) => n.startsWith("state.")).map(([n, x]) => [n.slice(6), x] as const);
    const block = {
      ...Object.fromEntries(entries.filter(([n]) => !n.startsWith("state."))),
      ...(state.length > 0 && { state: Object.fromEntries(state) }),
    };
    try {
      const { y, lse, state: next } = await attends.get(by)!(block as unknown as Block<unknown>);
      const all = { y, ...(lse !== undefined && { lse }), ...next };
      held.push(...Object.values(all));
      const read = Object.entries(all).map(async ([name, x]) => {
        return [name, [...backend.shape(x), ...(await backend.download(x))]] as const;
      });
      return Object.fromEntries(await Promise.all(read));
    } catch (error) {
      const { code = "no code", message } = error as Error & { code?: string };
      return { error: `${code}: ${message}` };
    } finally {
      for (const x of new Set(held)) backend.free(x);
    }
  };
}

/** Numbers below n in an order in which each follows each, itself included (a De Bruijn sequence of pairs). */
export function everyPair(n: number): number[] {
  const order: number[] = [];
  for (let i = 0; i < n; i++) {
    order.push(i);
    for (let j = i + 1; j < n; j++) order.push(i, j);
  }
  return [...order, 0];
}

/** `q k v` and a state of P keys, or of none, for quadratic mechanisms. */
export function sizes({
  B = 2,
  Hq = 4,
  Hkv = 2,
  L = 2,
  S = L,
  P = 3,
  d = 4,
  dv = 3,
}: Partial<Record<"B" | "Hq" | "Hkv" | "L" | "S" | "P" | "d" | "dv", number>> = {}): Record<string, readonly number[]> {
  return {
    ...{ q: [B, Hq, L, d], k: [B, Hkv, S, d], v: [B, Hkv, S, dv] },
    ...(P > 0 && { "state.k": [B, Hkv, P, d], "state.v": [B, Hkv, P, dv] }),
  };
}

/** Calls of a quadratic mechanism that differ from the first in exactly one thing, and from each other. */
export const quadraticSteps: readonly Step[] = [
  {},
  { shapes: sizes({ P: 0 }) },
  ...[{ P: 1 }, { P: 5 }, { B: 1 }, { Hq: 2 }, { Hkv: 4 }, { S: 3 }, { L: 3, S: 2 }, { L: 3 }, { L: 1 }].map(sizesOnly),
  ...[{ d: 8 }, { dv: 4 }, { S: 0 }, { L: 0, S: 2 }, { B: 0 }].map(sizesOnly),
  { shapes: { q: [4, 2, 4], k: [2, 2, 4], v: [2, 2, 3], "state.k": [1, 2, 3, 4], "state.v": [1, 2, 3, 3] } },
  ...[[2, 4, 2, 5], [2, 1, 2, 5], [1, 1, 2, 5], [2, 5], [5], [1], [2, 1, 2, 1], []].flatMap((shape) => [
    { shapes: { ...sizes(), mask: shape } },
    { shapes: { ...sizes(), bias: shape } },
  ]),
  // The same mask and bias for another past: wrong, or as they should be.
  { shapes: { ...sizes({ P: 5 }), mask: [2, 1, 2, 5] } },
  { shapes: { ...sizes({ P: 5 }), mask: [2, 1, 2, 7] } },
  { shapes: { ...sizes({ P: 5 }), mask: [2, 1, 2, 1] } },
  { shapes: { ...sizes({ P: 5 }), bias: [2, 1, 2, 5] } },
  { shapes: { ...sizes({ P: 1 }), bias: [5] } },
  { shapes: { ...sizes({ P: 5 }), bias: [1] } },
  { shapes: { ...sizes(), keyMask: [2, 2] } },
  { shapes: { ...sizes(), keyMask: [2, 3] } },
  { shapes: { ...sizes(), "state.keep": [2, 3] } },
  { shapes: { ...sizes(), "state.keep": [2, 4] } },
  { shapes: { ...sizes(), "state.v": [2, 2, 4, 3] } },
  { shapes: { ...sizes(), "state.other": [2, 2] } },
  { shapes: { ...sizes(), other: [2, 2] } },
  { shapes: { ...sizes(), v: [2, 2, 3, 3] } },
  { shapes: { ...sizes(), mask: [2, 5] }, as: { mask: "floats" } },
  { shapes: { ...sizes(), keyMask: [2, 2] }, as: { keyMask: "floats" } },
  { shapes: { ...sizes(), mask: [2, 5] }, as: { mask: "null" } },
].map((step) => ({ shapes: sizes(), ...step }) as Step);

function sizesOnly(wanted: Parameters<typeof sizes>[0]): Step {
  return { shapes: sizes(wanted) };
}
