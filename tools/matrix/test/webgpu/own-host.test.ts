/** Kernels on the tensors of another library: its host is the only file that it needs. The device has default limits. */
import { creator, mechanisms } from "@attnkit/catalog";
import { attention, type Block, type Options } from "@attnkit/core";
import { allowance, type HostBlock, oracle, random } from "@attnkit/core/conformance";
import { appendKeys } from "@attnkit/core/program";
import { hostOf } from "@attnkit/wgsl";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { create } from "webgpu";
import { useAdapter } from "../../../catalog/src/dawn.ts";
import { type Own, ownBackend, ownHost } from "./own-host.ts";
import { drawn, type Wanted } from "./quadratic.ts";

vi.setConfig({ testTimeout: 60_000 });

/** Dawn must not be collected while its device is in use. */
let gpu: GPU;
let device: GPUDevice;
let host: ReturnType<typeof ownHost>;
const errors: string[] = [];

beforeAll(async () => {
  useAdapter();
  // Otherwise the software driver takes seconds per kernel to zero workgroup memory.
  gpu = create(["enable-dawn-features=disable_workgroup_init"]);
  const adapter = await gpu.requestAdapter();
  device = await adapter!.requestDevice();
  device.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
  host = ownHost(device);
});

afterAll(() => device.destroy());

/** One of each family: tiles, states of matrices with and without a running maximum, scans per channel. */
const table: readonly (readonly [name: string, options: Options, wanted: Wanted])[] = [
  ["softmax", {}, { L: 33, causal: true, Hq: 4, Hkv: 2, past: 21, mask: true, keyMask: true, d: 12, dv: 7, lse: true }],
  ["polynomial", { power: 2, form: "quadratic" }, { L: 17, causal: true, past: 3, d: 8, dv: 8 }],
  ["polynomial", { power: 2, form: "linear" }, { L: 70, causal: true, past: 3, keyMask: true, d: 5, dv: 6 }],
  ["linear", {}, { L: 70, causal: true, past: 65, keyMask: true, d: 8, dv: 9, lse: true }],
  ["logsumexp", {}, { L: 65, causal: "end", past: 3, keyMask: true, d: 7, dv: 8, lse: true }],
  ["elementwise", {}, { L: 70, causal: true, past: 5, keyMask: true, d: 8, dv: 8, lse: true }],
];

test.each(table)("%s %o %o: a block, the next one, and a token after both", async (name, options, wanted) => {
  const { causal, lse = false, past = 0 } = wanted;
  const entry = mechanisms.find((m) => m.name === name)!;
  const backend = ownBackend(host);
  const attend = attention((await creator(entry, backend))(options), backend, { causal, lse, kernels: "require" });
  const rng = random(name);
  const before = drawn(rng, { ...wanted, L: past, past: 0, mask: false }).own;
  const own = drawn(rng, wanted).own;
  const token = drawn(rng, { ...wanted, L: 1, past: 0, mask: false }).own;
  const first = await attend(uploaded(before));
  const second = await attend({ ...uploaded(own), state: first.state });
  const third = await attend({ ...uploaded(token), state: second.state });
  const budget = (terms: number, scale: ArrayLike<number>) => (i: number) => allowance("float32", terms, scale[i]!);
  for (const [result, block, past] of [
    [second, own, [before]],
    [third, token, [before, own]],
  ] as const) {
    const expected = oracle(entry.reference(options), { block, causal, past });
    const used = async (x: Own, y: ArrayLike<number>, scale: ArrayLike<number>) =>
      worst(await backend.download(x), y, budget(expected.terms, scale));
    expect(await used(result.y, expected.y.data, expected.scale.data)).toBeLessThan(1);
    if (lse) expect(await used(result.lse!, expected.lse!.data, expected.lseScale!().data)).toBeLessThan(1);
  }
  expect(errors).toEqual([]);

  function uploaded({ q, k, v, mask, keyMask }: HostBlock): Block<Own> {
    const up = ({ data, shape }: { data: Float64Array | Uint8Array; shape: readonly number[] }) =>
      backend.upload(data, shape);
    return { q: up(q), k: up(k), v: up(v), ...(mask && { mask: up(mask) }), ...(keyMask && { keyMask: up(keyMask) }) };
  }
});

test("a call leaves its results and nothing else", async () => {
  const entry = mechanisms.find((m) => m.name === "softmax")!;
  const backend = ownBackend(host);
  const attend = attention((await creator(entry, backend))(), backend, { kernels: "require" });
  const x = backend.upload(new Float32Array(32).fill(0.5), [1, 4, 8]);
  const keyMask = backend.upload(Uint8Array.of(1, 0, 1, 1), [4]);
  host.submit();
  const before = host.live;
  const { state } = await attend({ q: x, k: x, v: x, keyMask });
  host.submit();
  expect(host.live).toBe(before + 1 + Object.keys(state).length); // y and the cache
});

test("a library whose caches grow by themselves is asked for them", async () => {
  const seen: (readonly number[])[] = [];
  const growing = Object.assign(Object.create(host) as typeof host, {
    appendKeys(block: Block<Own>) {
      seen.push(block.k.shape);
      return appendKeys(host.ops, block);
    },
  });
  const backend = ownBackend(growing);
  const entry = mechanisms.find((m) => m.name === "softmax")!;
  const attend = attention((await creator(entry, backend))(), backend, { kernels: "require" });
  const x = backend.upload(new Float32Array(32).fill(0.5), [4, 8]);
  const { state } = await attend({ q: x, k: x, v: x });
  const { y } = await attend({ q: x, k: x, v: x, state });
  expect(seen).toEqual([
    [1, 1, 4, 8],
    [1, 1, 4, 8],
  ]);
  expect([...(await backend.download(y))]).toEqual(Array(32).fill(0.5));
});

test("what has no kernel is refused, and a backend without WebGPU tensors says so", async () => {
  const entry = mechanisms.find((m) => m.name === "elementwise")!;
  const backend = ownBackend(host);
  const exact = (await creator(entry, backend))({ order: "exact" });
  const x = backend.upload([[1, 2]]);
  const call = attention(exact, backend, { kernels: "require" })({ q: x, k: x, v: x });
  await expect(call).rejects.toMatchObject({ code: "ATTN_NO_KERNEL", message: expect.stringMatching(/exact/) });
  expect(hostOf({ ...backend, webgpuHost: undefined } as never)).toBe("own has no WebGPU tensors");
});

/** Largest error over what rounding allows; Infinity for NaN. */
function worst(got: ArrayLike<number>, expected: ArrayLike<number>, allowed: (i: number) => number): number {
  expect(got.length).toBe(expected.length);
  const parts = Array.from(expected, (e, i) => (got[i] === e ? 0 : Math.abs(got[i]! - e) / allowed(i)));
  return Math.max(...parts.map((x) => (Number.isNaN(x) ? Number.POSITIVE_INFINITY : x)));
}
