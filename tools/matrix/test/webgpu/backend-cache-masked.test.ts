/** Decode steps on `@attnkit/webgpu` that bring a key mask of their own, beyond the keys of one workgroup and before. */
import { backends } from "@attnkit/catalog";
import { attention, type Block, type State } from "@attnkit/core";
import { type Meter, meter } from "@attnkit/measure/gpu-meter";
import { polynomial } from "@attnkit/polynomial/webgpu";
import { softmax } from "@attnkit/softmax/webgpu";
import { type FloatType, type GpuTensor, type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { beforeAll, describe, expect, test, vi } from "vitest";

// A software adapter that shares two cores with other files, and compiles slowly.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let device: GPUDevice;
let used: Meter;

beforeAll(async () => {
  device = ((await backends.find((b) => b.name === "webgpu")!.create()) as WebgpuBackend).gpuDevice;
  used = meter(device);
});

const [B, Hkv, d, dv] = [2, 2, 8, 6];
const mechanisms = {
  softmax: () => softmax(),
  polynomial: () => polynomial({ power: 3, form: "quadratic" }),
};

/** Numbers that halves hold, and that differ from token to token. */
const number = (row: number, t: number, c: number, kind: number) =>
  Math.round(256 * Math.sin(1 + 13 * row + 3.1 * t + 0.7 * c + 100 * kind)) / 256;

/** Tokens `from..from + n - 1`. Keys and values that `absent` names are NaN. */
function tokens(backend: WebgpuBackend<FloatType>, from: number, n: number, Hq = 4, absent: readonly number[] = []) {
  const tensor = (heads: number, width: number, kind: number) => {
    const data = new Float32Array(B * heads * n * width);
    for (let i = 0; i < data.length; i++) {
      const [row, t, c] = [Math.floor(i / width / n), Math.floor(i / width) % n, i % width];
      const hidden = kind > 0 && absent.includes(Math.floor(row / heads));
      data[i] = hidden ? Number.NaN : number(row, from + t, c, kind);
    }
    return backend.upload(data, [B, heads, n, width]);
  };
  return { q: tensor(Hq, d, 0), k: tensor(Hkv, d, 1), v: tensor(Hkv, dv, 2) };
}

const maskOf = (backend: WebgpuBackend<FloatType>, present: readonly number[]) =>
  backend.upload(Uint8Array.from(present), [present.length, 1]);

async function close(backend: WebgpuBackend<FloatType>, got: GpuTensor, expected: GpuTensor, tolerance: number) {
  const [x, y] = [await backend.download(got), await backend.download(expected)];
  expect(got.shape).toEqual(expected.shape);
  x.forEach((value, i) => {
    const near = value === y[i]! || Math.abs(value - y[i]!) <= tolerance * Math.max(1, Math.abs(y[i]!));
    if (!near) expect.fail(`element ${i} is ${value}, expected ${y[i]}`);
  });
}

/** Caches of one workgroup and of several, walks of two rows and tiles of eight, and both storages. */
const rows = [
  ["softmax", "float32", 20, 4],
  ["softmax", "float32", 300, 4],
  ["softmax", "float32", 300, 16],
  ["softmax", "float16", 20, 4],
  ["softmax", "float16", 300, 4],
  ["polynomial", "float32", 300, 4],
  ["polynomial", "float16", 300, 4],
] as const;

describe.each(rows)("%s in %s after %i tokens with %i query heads", (name, dtype, prompt, Hq) => {
  /** Decodes a token per mask from a state that lies row-major, as after a prefill, and compares all with the program. */
  const decoded = async (masks: readonly (readonly number[] | undefined)[]) => {
    const backend = webgpu({ device, dtype });
    const fast = attention(mechanisms[name](), backend, { causal: true, kernels: "require" });
    const slow = attention(mechanisms[name](), backend, { causal: true, kernels: "never" });
    const tolerance = dtype === "float16" ? 2e-3 : 1e-4;
    const { k, v } = tokens(backend, 0, prompt);
    let state: State<GpuTensor> = { k, v };
    let expected = state;
    const dispatches: number[] = [];
    for (const [i, present] of masks.entries()) {
      const absent = present ? present.flatMap((x, b) => (x === 0 ? [b] : [])) : [];
      const block: Block<GpuTensor> = {
        ...tokens(backend, prompt + i, 1, Hq, absent),
        ...(present && { keyMask: maskOf(backend, present) }),
      };
      used.reset();
      const next = await fast({ ...block, state });
      expect([i, used.submits]).toEqual([i, 1]);
      dispatches.push(used.dispatches);
      const right = await slow({ ...block, state: expected });
      await close(backend, next.y, right.y, tolerance);
      expect(Object.keys(next.state)).toEqual(Object.keys(right.state));
      for (const [entry, x] of Object.entries(next.state)) await close(backend, x, right.state[entry]!, 0);
      [state, expected] = [next.state, right.state];
    }
    backend.dispose();
    return dispatches;
  };
  /** The dispatches beside the cache. */
  const attending = prompt > 256 ? 2 : 1;

  test("two dispatches and one submit, and nothing of absent keys is seen or kept", async () => {
    const [first, second, ...later] = await decoded([undefined, [1, 0], [0, 1], undefined, [0, 0], [1, 1]]);
    expect([first, second]).toEqual([attending + 1, 2]); // the first moves the prompt, the second makes keep
    expect(later).toEqual([2, attending, 2, 2]);
  });

  test("the first step moves the prompt, makes keep and applies its mask in one dispatch", async () => {
    expect(await decoded([[0, 1], undefined])).toEqual([attending + 1, attending]);
  });
});

/** Every dispatch beyond 256 keys, where a cache is read in parts. */
describe.each(["float32", "float16"] as const)("states of masked steps in %s", (dtype) => {
  const started = async () => {
    const backend = webgpu({ device, dtype, cacheCapacity: 320 });
    const attend = attention(softmax(), backend, { causal: true, kernels: "require" });
    const { k, v } = tokens(backend, 0, 300);
    const step = async (from: State<GpuTensor>, t: number, present: readonly number[]) => {
      const absent = present.flatMap((x, b) => (x === 0 ? [b] : []));
      const next = await attend({
        ...tokens(backend, t, 1, 4, absent),
        keyMask: maskOf(backend, present),
        state: from,
      });
      return next.state;
    };
    /** Asserts the k and keep of the tokens after the prompt, each with the mask that it came with. */
    const holds = async (s: State<GpuTensor>, masks: readonly (readonly [t: number, present: readonly number[]])[]) => {
      const [k, keep] = [await backend.download(s.k!), await backend.download(s.keep!)];
      const T = s.keep!.shape[1]!;
      for (const [i, [t, present]] of masks.entries()) {
        const at = T - masks.length + i;
        for (let b = 0; b < B; b++) {
          expect([i, b, keep[b * T + at]]).toEqual([i, b, present[b]]);
          for (let h = 0; h < Hkv; h++)
            for (let c = 0; c < d; c++)
              expect(k[((b * Hkv + h) * T + at) * d + c]).toBe(present[b] ? number(b * Hkv + h, t, c, 1) : 0);
        }
      }
    };
    return { backend, attend, step, state: await step({ k, v }, 300, [1, 1]), holds };
  };
  const trunk = [300, [1, 1]] as const;

  test("forks keep their own masks, and a rollback is in place once the later states are freed", async () => {
    const { backend, step, state, holds } = await started();
    const a = await step(state, 301, [0, 1]);
    const b = await step(state, 301, [1, 0]);
    expect([a.k!.buffer === state.k!.buffer, b.k!.buffer === state.k!.buffer]).toEqual([true, false]);
    const [longA, longB] = [await step(a, 302, [1, 0]), await step(b, 302, [0, 1])];
    await holds(state, [trunk]);
    await holds(a, [trunk, [301, [0, 1]]]);
    await holds(b, [trunk, [301, [1, 0]]]);
    await holds(longA, [trunk, [301, [0, 1]], [302, [1, 0]]]);
    await holds(longB, [trunk, [301, [1, 0]], [302, [0, 1]]]);
    for (const x of [...Object.values(a), ...Object.values(longA)]) backend.free(x);
    used.reset();
    const again = await step(state, 303, [0, 1]);
    expect([used.dispatches, again.k!.buffer === state.k!.buffer]).toEqual([2, true]);
    await holds(again, [trunk, [303, [0, 1]]]);
    await holds(state, [trunk]);
    backend.dispose();
  });

  test("they can be merged, and the merged state continues", async () => {
    const { backend, attend, step, state, holds } = await started();
    const [a, b] = [await step(state, 301, [0, 1]), await step(state, 301, [1, 0])];
    const merged = await attend.merge(a, b);
    await holds(merged, [trunk, [301, [1, 0]]]);
    const next = await step(await step(merged, 302, [0, 1]), 303, [1, 0]);
    await holds(next, [trunk, [301, [1, 0]], [302, [0, 1]], [303, [1, 0]]]);
    backend.dispose();
  });

  test("a call that keeps no state applies its mask, and the next step overwrites what it wrote", async () => {
    const { backend, step, state, holds } = await started();
    const peek = attention(softmax(), backend, { causal: true, kernels: "require", state: false });
    const block = { ...tokens(backend, 301, 1, 4, [0]), keyMask: maskOf(backend, [0, 1]) };
    const { y } = await peek({ ...block, state });
    expect((await backend.download(y)).some(Number.isNaN)).toBe(false);
    await holds(await step(state, 302, [1, 0]), [trunk, [302, [1, 0]]]);
    backend.dispose();
  });
});

test.each(["float32", "float16"] as const)(
  "several tokens with a mask after a prompt with a mask, in %s",
  async (dtype) => {
    const backend = webgpu({ device, dtype });
    const fast = attention(softmax(), backend, { causal: true, kernels: "require" });
    const slow = attention(softmax(), backend, { causal: true, kernels: "never" });
    const { k, v } = tokens(backend, 0, 20);
    const keep = backend.upload(
      Float32Array.from({ length: B * 20 }, (_, i) => +(i % 7 > 0)),
      [B, 20],
      { dtype: "float32" },
    );
    const keyMask = backend.upload(Uint8Array.of(0, 0, 0, 1, 0, 1), [B, 3]);
    const block = { ...tokens(backend, 20, 3, 4, [0]), keyMask, state: { k, v, keep } };
    used.reset();
    const next = await fast(block);
    // The prompt, the block and its mask are 9 buffers.
    expect([used.dispatches, used.submits]).toEqual([device.limits.maxStorageBuffersPerShaderStage > 8 ? 2 : 3, 1]);
    const right = await slow(block);
    await close(backend, next.y, right.y, dtype === "float16" ? 2e-3 : 1e-4);
    for (const [entry, x] of Object.entries(next.state)) await close(backend, x, right.state[entry]!, 0);
    backend.dispose();
  },
);

test("with mask, bias and lse", async () => {
  const backend = webgpu({ device });
  const how = { causal: true, lse: true } as const;
  const fast = attention(softmax(), backend, { ...how, kernels: "require" });
  const slow = attention(softmax(), backend, { ...how, kernels: "never" });
  const keep = Uint8Array.from({ length: B * 300 }, (_, i) => +(i % 7 > 0));
  const { k, v } = tokens(backend, 0, 300);
  const prompt = { k, v, keep: backend.upload(Float32Array.from(keep), [B, 300]) };
  const { state } = await fast({ ...tokens(backend, 300, 1), state: prompt });
  const seen = Uint8Array.from({ length: 302 }, (_, i) => +(i % 5 > 0));
  const mask = backend.upload(seen, [302]);
  const bias = backend.upload(
    Float32Array.from(seen, (_, i) => Math.cos(i)),
    [302],
  );
  for (const [given, dispatches] of [
    [{}, 2],
    [{ mask }, 2],
    [{ bias }, 2],
    // All tensors together are 9 buffers.
    [{ mask, bias }, device.limits.maxStorageBuffersPerShaderStage > 8 ? 2 : 3],
  ] as const) {
    const block = { ...tokens(backend, 301, 1, 4, [0]), ...given, keyMask: maskOf(backend, [0, 1]), state };
    used.reset();
    const next = await fast(block);
    expect([Object.keys(given), used.dispatches, used.submits]).toEqual([Object.keys(given), dispatches, 1]);
    const right = await slow(block);
    await close(backend, next.y, right.y, 1e-4);
    await close(backend, next.lse!, right.lse!, 1e-4);
    for (const [entry, x] of Object.entries(next.state)) {
      await close(backend, x, right.state[entry]!, 0);
      backend.free(x);
    }
  }
  backend.dispose();
});
