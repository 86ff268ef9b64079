import { backends, creator, mechanisms } from "@attnkit/catalog";
import {
  type Attention,
  attention,
  type Backend,
  type Block,
  type Causal,
  type Options,
  type Result,
} from "@attnkit/core";
import { blockOfNames, namesOfResult } from "@attnkit/core/backend";
import { random } from "@attnkit/core/conformance";
import type { Dims } from "@attnkit/core/program";
import { cpu, type NdArray } from "@attnkit/cpu";
import type { Tensor, TfjsBackend } from "@attnkit/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { poison } from "./poison.ts";

/** A call of one mechanism. B is 2, d and dv are 8 and there are 4 query heads over 2 unless `dims` says otherwise. */
export interface KernelCall {
  readonly options?: Options;
  readonly dims: Partial<Dims> & Pick<Dims, "L" | "S">;
  readonly causal: Causal;
  readonly lse?: boolean;
  readonly keyMask?: boolean;
  /** Shapes that broadcast to `[B, Hq, L, P + S]`. */
  readonly mask?: readonly number[];
  readonly bias?: readonly number[];
  /** False: no state is wanted after the block. */
  readonly state?: false;
  /** Tokens that came before this block. */
  readonly past?: number;
  /** Compare gradients too: on a software adapter those of the portable program take seconds. */
  readonly gradients?: true;
}

type Values = Record<string, Float32Array>;

/**
 * Tests every kernel. On the calls `taken` it must match the portable program, in outputs and gradients, with every
 * buffer full of NaN before it is written. It must refuse the calls `refused` with the given reason.
 */
export function kernelLaws(
  name: string,
  taken: readonly KernelCall[],
  refused: readonly (readonly [KernelCall, RegExp])[] = [],
): void {
  describe(`${name} kernels`, () => {
    test.each(taken.map((call) => [title(call), call] as const))("%s: as the portable program", async (_, call) => {
      const { host, fast, block } = await subjects(name, call);
      const expected = await host();
      const stop = poison(tf);
      const got = await downloaded(await fast(block), tensorData);
      stop();
      agree(got, expected, 1e-5);
    });

    const differentiated = taken.filter((call) => call.gradients);
    test.each(differentiated.map((call) => [title(call), call] as const))("%s: gradients as its", async (_, call) => {
      const { plain, fast, block } = await subjects(name, call);
      const expected = await gradients(plain, block);
      const stop = poison(tf);
      const got = await gradients(fast, block);
      stop();
      agree(got, expected, 1e-4);
    });

    test.each(refused.map(([call, why]) => [title(call), call, why] as const))("%s: refused", async (_, call, why) => {
      const { fast, block } = await subjects(name, call);
      await expect(fast(block)).rejects.toMatchObject({ code: "ATTN_NO_KERNEL", message: expect.stringMatching(why) });
    });
  });
}

export const title = (call: KernelCall): string => JSON.stringify(call).replaceAll('"', "");

/**
 * Makes the mechanism without and with its kernels, and a block for them. `host` runs the portable program on the CPU, on
 * the same numbers: on a software adapter most of its time there would go into compiling a shader per operation.
 */
export async function subjects(name: string, call: KernelCall) {
  const backend = (await backends.find((b) => b.name === "tfjs-webgpu")!.create()) as TfjsBackend;
  const mechanism = (await creator(mechanisms.find((m) => m.name === name)!, { kind: "webgpu" }))(call.options);
  const how = { causal: call.causal, lse: call.lse ?? false, state: call.state ?? true };
  const plain = attention<Tensor>(mechanism, backend, { ...how, kernels: "never" });
  const fast = attention<Tensor>(mechanism, backend, { ...how, kernels: "require" });
  const here = cpu();
  const portable = attention(mechanism, here, { ...how, kernels: "never" });
  const before = attention(mechanism, here, { causal: call.causal, kernels: "never" });
  const onHost = await drawn(here, before, call);
  const host = async () => downloaded(await portable(onHost), (x) => here.download(x));
  return { backend, plain, fast, host, block: uploaded(backend, onHost) };
}

/** Copies a block of the CPU backend to another backend. */
function uploaded(backend: TfjsBackend, { state, ...tensors }: Block<NdArray>): Block<Tensor> {
  const up = <X extends Readonly<Record<string, NdArray | undefined>>>(from: X) =>
    Object.fromEntries(
      Object.entries(from).flatMap(([name, x]) => (x ? [[name, backend.upload(x.data, x.shape)]] : [])),
    );
  return { ...up(tensors), ...(state && { state: up(state) }) } as unknown as Block<Tensor>;
}

async function drawn<T>(backend: Backend<T>, before: Attention<T>, call: KernelCall): Promise<Block<T>> {
  const { B = 2, Hq = 4, Hkv = 2, L, S, d = 8, dv = d } = call.dims;
  const rng = random(title(call));
  const floats = (shape: readonly number[]) =>
    backend.upload(
      Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => rng.normal()),
      shape,
    );
  const bools = (shape: readonly number[]) =>
    backend.upload(
      Uint8Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => +(rng.normal() > -0.5)),
      shape,
    );
  const tokens = (L: number, S: number) => ({
    q: floats([B, Hq, L, d]),
    k: floats([B, Hkv, S, d]),
    v: floats([B, Hkv, S, dv]),
    ...(call.keyMask && { keyMask: bools([B, S]) }),
  });
  const state = call.past ? (await before(tokens(call.past, call.past))).state : undefined;
  return {
    ...tokens(L, S),
    ...(call.mask && { mask: bools(call.mask) }),
    ...(call.bias && { bias: floats(call.bias) }),
    ...(state && { state }),
  };
}

const tensorData = (t: Tensor) => t.data();

async function downloaded<T>(result: Result<T>, read: (t: T) => Promise<ArrayLike<number>>): Promise<Values> {
  const entries = Object.entries(namesOfResult(result)).map(
    async ([n, t]) => [n, (await read(t)) as Float32Array] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

/**
 * Returns the gradients of a random weighting of all outputs, including the state, with respect to every float input.
 */
async function gradients(attend: Attention<Tensor>, block: Block<Tensor>): Promise<Values> {
  const { ops } = attend.backend as TfjsBackend;
  const { state = {}, keyMask, mask, ...rest } = block;
  const floats = { ...rest, ...Object.fromEntries(Object.entries(state).map(([n, t]) => [`state.${n}`, t])) };
  const names = Object.keys(floats);
  const loss = (...xs: Tensor[]): tf.Scalar => {
    const x = Object.fromEntries(names.map((n, i) => [n, xs[i]!]));
    const given: Block<Tensor> = { ...blockOfNames(x), keyMask, mask };
    const rng = random(names.join());
    const terms = Object.values(namesOfResult(attend.sync(given))).map((t) => {
      const seed = tf.tensor(
        Float32Array.from({ length: t.size }, () => rng.normal()),
        t.shape,
      );
      return ops.sum(ops.reshape(ops.mul(t, seed), [t.size]), 0);
    });
    return ops.reshape(
      terms.reduce((a, b) => ops.add(a, b)),
      [],
    ) as tf.Scalar;
  };
  const found = tf.grads(loss)(names.map((n) => floats[n as keyof typeof floats] as Tensor));
  return Object.fromEntries(
    await Promise.all(found.map(async (t, i) => [names[i]!, (await t.data()) as Float32Array] as const)),
  );
}

/** Equal up to `tolerance` of the largest value of a tensor; infinities exactly. */
function agree(got: Values, expected: Values, tolerance: number): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, values] of Object.entries(expected)) {
    const largest = values.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1);
    values.forEach((x, i) => {
      const y = got[name]![i]!;
      const close = Object.is(x, y) || x === y || Math.abs(x - y) <= tolerance * largest;
      if (!close) expect.fail(`${name}[${i}] is ${y}, expected ${x} (largest ${largest})`);
    });
  }
}
