import { backends, creator, mechanisms } from "@attnkit/catalog";
import { attention, type Block, type Mechanism, type Options, type Tensors } from "@attnkit/core";
import { blockOfNames, mechanismProgram, namesOfResult, vjp } from "@attnkit/core/backend";
import { allowance, type HostBlock, oracle, type Past, random } from "@attnkit/core/conformance";
import { cpu, type NdArray } from "@attnkit/cpu";
import { gpuUse } from "@attnkit/measure/gpu-meter";
import type { Tensor, TfjsBackend } from "@attnkit/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { poison } from "./poison.ts";
import { type Drawn, drawn, type Wanted } from "./quadratic.ts";

vi.setConfig({ testTimeout: 60_000 });

let backend: TfjsBackend;

beforeAll(async () => {
  backend = (await backends.find((b) => b.name === "tfjs-webgpu")!.create()) as TfjsBackend;
  // A shader that does not compile is an error here, not zeros somewhere else.
  const { device } = tf.backend() as unknown as { device: GPUDevice };
  device.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
});
const errors: string[] = [];

const entry = (name: string) => mechanisms.find((m) => m.name === name)!;
const withKernels = async (name: string, options: Options): Promise<Mechanism> =>
  (await creator(entry(name), { kind: "webgpu" }))(options);

type HostArray = { readonly shape: readonly number[]; readonly data: Float64Array | Uint8Array };
const up = ({ shape, data }: HostArray): Tensor => backend.upload(data, shape);
/** The portable program runs on the CPU: most of its time on the software adapter would go into compiling shaders. */
const here = cpu();
const block = <T>({ q, k, v, mask, bias, keyMask }: HostBlock, up: (x: HostArray) => T): Block<T> => ({
  ...{ q: up(q), k: up(k), v: up(v) },
  ...{ mask: mask && up(mask), bias: bias && up(bias), keyMask: keyMask && up(keyMask) },
});

/** Largest error over what rounding allows (see `allowance`). */
function used(got: ArrayLike<number>, expected: ArrayLike<number>, allowed: (i: number) => number): number {
  expect(got.length).toBe(expected.length);
  return Math.max(
    ...Array.from(expected, (e, i) => (got[i] === e ? 0 : Math.abs(got[i]! - e) / allowed(i))).map((x) =>
      Number.isNaN(x) ? Number.POSITIVE_INFINITY : x,
    ),
  );
}

const table: readonly (readonly [name: string, options: Options, wanted: Wanted])[] = [
  ["softmax", {}, { L: 1, causal: true, d: 5, dv: 3 }],
  ["softmax", {}, { L: 17, causal: true, bias: true, d: 7, dv: 2, lse: true }],
  ["softmax", {}, { L: 65, causal: true, Hq: 4, Hkv: 2, keyMask: true, d: 20, dv: 33, lse: true }],
  ["softmax", { window: [9, 3] }, { L: 31, causal: false, mask: true, past: 33, d: 8, dv: 12, lse: true }],
  [
    "softmax",
    { softcap: 3, scale: 0.4 },
    { L: 127, S: 63, causal: "end", d: 16, dv: 16, bias: true, mask: true, keyMask: true, lse: true },
  ],
  ["softmax", { window: [40, -1] }, { L: 33, S: 129, causal: "end", d: 64, dv: 64 }],
  ["softmax", {}, { L: 1, Hq: 8, Hkv: 2, past: 700, causal: true, keyMask: true, d: 32, dv: 40, lse: true }],
  ["softmax", { window: [300, 0] }, { L: 3, past: 777, causal: true, mask: true, d: 12, dv: 8, lse: true }],
  // The portable tile, of 16 KiB.
  ["softmax", {}, { L: 35, causal: true, d: 12, dv: 130, lse: true }],
  ["polynomial", { power: 3, form: "quadratic" }, { L: 65, causal: true, d: 9, dv: 7, keyMask: true }],
  [
    "polynomial",
    { coefficients: [1, 1, 0.5] },
    { L: 33, S: 15, causal: false, Hq: 4, Hkv: 2, d: 8, dv: 4, mask: true, bias: true },
  ],
  ["polynomial", { power: 2, form: "quadratic", normalizer: 64 }, { L: 16, past: 31, causal: true, d: 4, dv: 4 }],
];

const titled = table.map(([name, options, wanted], n) => ({
  ...{ name, options, wanted, seed: `quadratic ${n}` },
  title: `${name} ${JSON.stringify(options)} ${JSON.stringify(wanted)}`,
}));

/** The block of a case on the CPU and on the device, after a past that went before it. */
async function uploaded(mechanism: Mechanism, { own, past }: Drawn): Promise<[Block<NdArray>, Block<Tensor>]> {
  const onHost = (x: HostArray) => here.upload(x.data, x.shape);
  if (past === undefined) return [block(own, onHost), block(own, up)];
  const [B, H, , d] = past.k.shape as [number, number, number, number];
  const q = { shape: [B, H, 1, d], data: new Float64Array(B * H * d) };
  const { state } = await attention(mechanism, here, { kernels: "never" })(block({ ...past, q }, onHost));
  const copy = Object.fromEntries(Object.entries(state).map(([n, x]) => [n, backend.upload(x.data, x.shape)]));
  return [
    { ...block(own, onHost), state },
    { ...block(own, up), state: copy },
  ];
}

describe("tiles give what the reference gives, whatever their memory held", () => {
  test.each(titled)("$title", async ({ name, options, wanted, seed }) => {
    const mechanism = await withKernels(name, options);
    const { causal, lse = false } = wanted;
    const host = drawn(random(seed), wanted);
    const before: Past[] = host.past ? [host.past] : [];
    const expected = oracle(entry(name).reference(options), { block: host.own, causal, past: before });
    const [onHost, given] = await uploaded(mechanism, host);
    const stop = poison(tf);
    const got = await attention(mechanism, backend, { causal, lse, kernels: "require" })(given);
    const budget = (scale: ArrayLike<number>) => (i: number) => allowance("float32", expected.terms, scale[i]!);
    expect(used(await got.y.data(), expected.y.data, budget(expected.scale.data))).toBeLessThan(1);
    if (lse) expect(used(await got.lse!.data(), expected.lse!.data, budget(expected.lseScale!().data))).toBeLessThan(1);
    stop();
    const portable = await attention(mechanism, here, { causal, kernels: "never" })(onHost);
    for (const [entry, x] of Object.entries(portable.state)) {
      expect(got.state[entry]!.shape).toEqual(x.shape);
      expect(await got.state[entry]!.data()).toEqual(await here.download(x));
    }
    expect(errors).toEqual([]);
  });
});

describe("gradients are those of the portable program", () => {
  const cases = titled
    .filter(({ wanted: { bias = false, L } }) => L < 100 || bias === false)
    .filter(({ wanted }) => (wanted.past ?? 0) < 100);
  test.each(cases)("$title", async ({ name, options, wanted, seed }) => {
    const mechanism = await withKernels(name, options);
    const { causal, lse = false } = wanted;
    const source = random(seed);
    const { own, past } = drawn(source, wanted);
    const { q, k, v, mask, bias, keyMask } = own;
    const pieces = { q, k, v, mask, bias, keyMask, "state.k": past?.k, "state.v": past?.v };
    const present = Object.fromEntries(Object.entries(pieces).flatMap(([n, x]) => (x ? [[n, x] as const] : [])));
    const wrt = Object.keys(present).filter((n) => !n.toLowerCase().includes("mask"));
    const outputs = ["y", ...(lse ? ["lse"] : []), ...(past ? ["state.k", "state.v"] : [])];

    const exact = cpu({ dtype: "float64" });
    const upload = ({ shape, data }: (typeof present)[string]) => exact.upload(data, shape);
    const x64 = Object.fromEntries(Object.entries(present).map(([n, x]) => [n, upload(x)]));
    const program = mechanismProgram(mechanism, { causal, lse });
    const made = program(exact.ops, x64);
    const seeds = Object.fromEntries(
      outputs.map((n) => {
        const shape = exact.shape(made[n]!);
        const size = shape.reduce((a, b) => a * b, 1);
        // A row that sees nothing has no lse to follow.
        const finite = (i: number) => n !== "lse" || Number.isFinite(made[n]!.data[i]);
        return [
          n,
          {
            shape,
            data: Float64Array.from({ length: size }, (_, i) => (finite(i) ? Math.fround(source.normal()) : 0)),
          },
        ];
      }),
    );
    const seeds64 = Object.fromEntries(Object.entries(seeds).map(([n, s]) => [n, upload(s)]));
    const expected = vjp(exact.ops, program, x64, seeds64, wrt);

    const attend = attention(mechanism, backend, { causal, lse, kernels: "require" });
    const stop = poison(tf);
    const onGpu = Object.fromEntries(Object.entries(present).map(([n, x]) => [n, up(x)]));
    const run = (_: unknown, t: Tensors<Tensor>): Tensors<Tensor> => {
      return namesOfResult(attend.sync(blockOfNames(t)));
    };
    const onGpuSeeds = Object.fromEntries(Object.entries(seeds).map(([n, s]) => [n, up(s)]));
    const got = await backend.vjp!(run as never, onGpu, onGpuSeeds, wrt);
    for (const n of wrt) {
      const [e, g] = [expected[n]!.data as Float64Array, await got[n]!.data()];
      const largest = e.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      expect(
        used(g, e, () => 2 ** -24 * 64 * Math.max(largest, 1)),
        n,
      ).toBeLessThan(1);
    }
    stop();
    expect(errors).toEqual([]);
  });
});

describe("what tiles do not take", () => {
  const ask = async (mechanism: Mechanism, shape: number[], options: { causal?: boolean } = {}) => {
    const [q, k, v] = [0, 1, 2].map(() => tf.ones(shape)) as [Tensor, Tensor, Tensor];
    return attention(mechanism, backend, { ...options, kernels: "require" })({ q, k, v });
  };
  test("is refused with the reason, and under require an error", async () => {
    const mechanism = await withKernels("softmax", {});
    await expect(ask(mechanism, [1, 1, 2, 300])).rejects.toThrow(/d = 300 and dv = 300/);
    await expect(ask(mechanism, [1, 1, 0, 4])).rejects.toThrow(/has no elements/);
    const linear = await withKernels("polynomial", { power: 4, form: "linear" });
    await expect(ask(linear, [1, 1, 4, 4])).rejects.toThrow(/linear form, which has no tiles/);
  });
});

describe("what a call costs", () => {
  /** q, k and v, made by a kernel of tfjs's so that they are on the GPU. */
  const tokens = async (n: number) => {
    const made = [1, 2, 3].map((s) => tf.mul(s, tf.ones([1, 2, n, 16]))) as [Tensor, Tensor, Tensor];
    for (const x of made) await x.data();
    return made;
  };
  test("prefill is one dispatch and the memory of its output; a token, the new cache and two more", async () => {
    const mechanism = await withKernels("softmax", {});
    const attend = attention(mechanism, backend, { causal: true, kernels: "require" });
    const [q, k, v] = await tokens(300);
    let state: Block<Tensor>["state"];
    const prefill = await gpuUse(backend, async () => {
      ({ state } = await attend({ q, k, v }));
    });
    expect(prefill!.dispatches).toBe(1);
    expect(prefill!.bytes).toBeLessThan(1.1 * 4 * q.size + 1024);
    const [q1, k1, v1] = await tokens(1);
    const decode = await gpuUse(backend, () => attend({ q: q1, k: k1, v: v1, state }));
    expect(decode!.dispatches).toBe(3);
  });
});

test("parts of the keys whose biases are all the lowest number count, those of -Infinity do not", async () => {
  const [lowest, none] = [-3.4028234663852886e38, Number.NEGATIVE_INFINITY];
  const n = 600; // keys of one query are cut into parts of 256
  const attend = attention(await withKernels("softmax", {}), backend, { lse: true, kernels: "require" });
  const made = (shape: readonly number[], at: (i: number) => number) =>
    backend.upload(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => at(i)),
      shape,
    );
  for (const [bias, y, lse] of [
    [() => lowest, 6, lowest],
    [(i: number) => (i < 300 ? lowest : none), 4, lowest],
    [(i: number) => (i < 300 ? lowest : 0), 8, Math.log(300)],
    [() => none, 0, none],
  ] as const) {
    const [q, k] = [made([1, 1, 1, 4], () => 0), made([1, 1, n, 4], () => 1)];
    const v = made([1, 1, n, 4], (i) => (i < 1200 ? 4 : 8));
    const got = await attend({ q, k, v, bias: made([1, n], bias) });
    for (const x of await got.y.data()) expect(x).toBeCloseTo(y, 4);
    const [log] = await got.lse!.data();
    if (Number.isFinite(lse)) expect(log! / lse).toBeCloseTo(1, 5);
    else expect(log).toBe(lse);
  }
});
