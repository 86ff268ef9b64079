/** Kernels on the tensors of another library: its host is the only file that it needs. The device has default limits. */
import { creator, mechanisms } from "@attnkit/catalog";
import { attention, type Block, type Options, type State } from "@attnkit/core";
import { allowance, type HostBlock, oracle, random } from "@attnkit/core/conformance";
import { meter } from "@attnkit/measure/gpu-meter";
import { hostOf } from "@attnkit/wgsl";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { create } from "webgpu";
import { useAdapter } from "../../../catalog/src/dawn.ts";
import { growing } from "./own-growing.ts";
import { type Own, type OwnHost, ownBackend, ownHost } from "./own-host.ts";
import { drawn, type Wanted } from "./quadratic.ts";

vi.setConfig({ testTimeout: 60_000 });

/** Dawn must not be collected while its device is in use. */
let gpu: GPU;
let device: GPUDevice;
let host: OwnHost;
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

/** Mechanisms whose state keeps all keys also run where tensors grow. */
const cases = table.flatMap((row, i) =>
  (i < 2 ? ["as they are", "growing"] : ["as they are"]).map((way) => [...row, way] as const),
);

test.each(cases)(
  "%s %o %o: a block, the next one, and a token after both, tensors %s",
  async (name, options, wanted, way) => {
    const { causal, lse = false, past = 0 } = wanted;
    const entry = mechanisms.find((m) => m.name === name)!;
    const backend = ownBackend(way === "growing" ? growing(host, 4) : host);
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
      return {
        q: up(q),
        k: up(k),
        v: up(v),
        ...(mask && { mask: up(mask) }),
        ...(keyMask && { keyMask: up(keyMask) }),
      };
    }
  },
);

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

describe("a library whose tensors grow", () => {
  const x = (backend: ReturnType<typeof ownBackend>, n: number, seed: number) =>
    backend.upload(
      Float32Array.from({ length: 2 * n * 4 }, (_, i) => Math.sin(seed + i)),
      [2, n, 4],
    );

  test("a step copies one token's k and v as bytes, in place, and a fork moves", async () => {
    const backend = ownBackend(growing(host, 16));
    const entry = mechanisms.find((m) => m.name === "softmax")!;
    const attend = attention((await creator(entry, backend))(), backend, { kernels: "require" });
    const used = meter(device);
    const step = async (state: State<Own>, seed: number) => {
      const token = x(backend, 1, seed);
      used.reset();
      const next = await attend({ q: token, k: token, v: token, state });
      return { state: next.state, counts: [used.dispatches, used.copiedBytes] };
    };
    const prompt = x(backend, 3, 0);
    const first = await attend({ q: prompt, k: prompt, v: prompt });
    const a = await step(first.state, 1);
    expect(a.counts).toEqual([2, 2 * 2 * 4 * 4]); // a dispatch moves the prompt
    const b = await step(a.state, 2);
    expect(b.counts).toEqual([1, 2 * 2 * 4 * 4]);
    expect(b.state.k!.buffer).toBe(a.state.k!.buffer);
    const fork = await step(a.state, 3);
    expect(fork.counts).toEqual([1, 5 * 2 * 2 * 4 * 4]);
    expect(fork.state.k!.buffer).not.toBe(a.state.k!.buffer);
  });

  test("another library's append is one dispatch", async () => {
    const backend = ownBackend(host);
    const entry = mechanisms.find((m) => m.name === "softmax")!;
    const attend = attention((await creator(entry, backend))(), backend, { kernels: "require" });
    const prompt = x(backend, 3, 0);
    const { state } = await attend({ q: prompt, k: prompt, v: prompt });
    const token = x(backend, 1, 1);
    const used = meter(device);
    used.reset();
    await attend({ q: token, k: token, v: token, state });
    expect([used.dispatches, used.copiedBytes]).toEqual([2, 0]);
  });
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
