/** Caches of keys and values on `@attnkit/webgpu`: the bytes that a decode step moves. */
import { backends } from "@attnkit/catalog";
import { attention, type State } from "@attnkit/core";
import { type Meter, meter } from "@attnkit/measure/gpu-meter";
import { polynomial } from "@attnkit/polynomial/webgpu";
import { softmax } from "@attnkit/softmax/webgpu";
import { type GpuTensor, type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { B, free, held, numbers, TOKEN, tokens } from "./cache-tokens.ts";

// A software adapter that shares two cores with other files, and compiles slowly.
vi.setConfig({ testTimeout: 120_000 });

let device: GPUDevice;
let used: Meter;

beforeAll(async () => {
  device = ((await backends.find((b) => b.name === "webgpu")!.create()) as WebgpuBackend).gpuDevice;
  used = meter(device);
});

const mechanisms = {
  softmax: () => softmax(),
  polynomial: () => polynomial({ power: 3, form: "quadratic" }),
};
const names = ["softmax", "polynomial"] as const;

/** The counts of one step. */
const counts = ({ dispatches, submits, copiedBytes }: Meter) => ({ dispatches, submits, copiedBytes });

describe.each(names)("a decode step of %s", (name) => {
  const started = async (options: object, prompt: number) => {
    const backend = webgpu({ device, ...options });
    const attend = attention(mechanisms[name](), backend, { causal: true, kernels: "require" });
    const block = tokens(backend, 0, prompt);
    const first = await attend(block);
    free(backend, block, { y: first.y });
    return { backend, attend, state: first.state };
  };

  test("writes one token's k and v, in one dispatch and one submit, up to the capacity", async () => {
    const { backend, attend, ...first } = await started({ cacheCapacity: 40 }, 3);
    let { state } = first;
    const steps = [];
    for (let t = 3; t < 40; t++) {
      const block = tokens(backend, t, 1);
      used.reset();
      const next = await attend({ ...block, state });
      steps.push({ ...counts(used), writtenBytes: used.writtenBytes });
      free(backend, block, { y: next.y }, state);
      state = next.state;
    }
    // The first step moves the prompt into the cache.
    for (const step of steps.slice(1)) {
      expect(step).toMatchObject({ dispatches: 1, submits: 1, copiedBytes: TOKEN });
      expect(step.writtenBytes).toBeLessThanOrEqual(256); // the parameters of the dispatch
    }
    const whole = tokens(backend, 0, 40);
    expect(await backend.download(state.k!)).toEqual(await backend.download(whole.k));
    expect(await backend.download(state.v!)).toEqual(await backend.download(whole.v));
    backend.dispose();
  });

  test("copies the cache as often as it doubles, without a capacity", async () => {
    const { backend, attend, ...first } = await started({}, 1);
    let { state } = first;
    const copied: number[] = [];
    for (let t = 1; t <= 200; t++) {
      const block = tokens(backend, t, 1);
      used.reset();
      const next = await attend({ ...block, state });
      copied.push(used.copiedBytes);
      free(backend, block, { y: next.y }, state);
      state = next.state;
    }
    // The first step copies the prompt, which is one token, into the cache.
    expect(copied[0]).toBe(2 * TOKEN);
    const growing = copied.slice(1).filter((bytes) => bytes !== TOKEN);
    expect(growing.length).toBeLessThanOrEqual(Math.ceil(Math.log2(200)));
    expect(copied.reduce((a, b) => a + b)).toBeLessThanOrEqual(3 * 200 * TOKEN);
    const whole = tokens(backend, 0, 201);
    expect(await backend.download(state.k!)).toEqual(await backend.download(whole.k));
    const last = await attend({ ...tokens(backend, 201, 1), state });
    const program = attention(mechanisms[name](), backend, { causal: true, kernels: "never" });
    const { y } = await program(tokens(backend, 0, 202));
    const expected = await backend.download(backend.ops.slice(y, 2, 201, 202));
    (await backend.download(last.y)).forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i]!, 4);
    });
    backend.dispose();
  });

  test("takes at most two dispatches after a long prompt, and with a key mask in the state", async () => {
    const backend = webgpu({ device });
    const attend = attention(mechanisms[name](), backend, { causal: true, kernels: "require" });
    const keyMask = backend.upload(
      Uint8Array.from({ length: B * 600 }, (_, i) => +(i % 5 > 0)),
      [B, 600],
    );
    let { state } = await attend({ ...tokens(backend, 0, 600), keyMask });
    for (let t = 600; t < 603; t++) {
      used.reset();
      state = (await attend({ ...tokens(backend, t, 1), state })).state;
      if (t === 600) continue; // the prompt moves into the cache
      expect(counts(used)).toEqual({ dispatches: 2, submits: 1, copiedBytes: TOKEN + 4 * B });
    }
    const keep = await backend.download(state.keep!);
    const expected = Float32Array.from(
      { length: B * 603 },
      (_, i) => +(i % 603 >= 600 || (600 * Math.floor(i / 603) + (i % 603)) % 5 > 0),
    );
    expect(keep).toEqual(expected);
    // The merge of the parts applies a key mask of the token's own.
    const own = backend.upload(Uint8Array.of(1, 0), [B, 1]);
    used.reset();
    await attend({ ...tokens(backend, 603, 1), keyMask: own, state });
    expect(counts(used)).toEqual({ dispatches: 2, submits: 1, copiedBytes: TOKEN });
    backend.dispose();
  });

  test("agrees with the program, with blocks of several tokens and key masks between", async () => {
    const backend = webgpu({ device });
    const run = async (kernels: "require" | "never") => {
      const attend = attention(mechanisms[name](), backend, { causal: true, kernels });
      let state: State<GpuTensor> | undefined;
      const out: number[][] = [];
      let at = 0;
      for (const [i, n] of [3, 1, 4, 1, 1, 2, 1].entries()) {
        const mask = Uint8Array.from({ length: B * n }, (_, j) => +((i + j) % 3 > 0));
        const block = { ...tokens(backend, at, n), ...(i > 2 && i !== 4 && { keyMask: backend.upload(mask, [B, n]) }) };
        const next = await attend({ ...block, ...(state && { state }) });
        state = next.state;
        at += n;
        out.push([...(await backend.download(next.y))]);
      }
      for (const x of Object.values(state!)) out.push([...(await backend.download(x))]);
      return out;
    };
    const [fast, slow] = [await run("require"), await run("never")];
    expect(fast.length).toBe(10);
    fast.forEach((row, i) => {
      expect(row.length).toBe(slow[i]!.length);
      row.forEach((x, j) => {
        expect(x).toBeCloseTo(slow[i]![j]!, 4);
      });
    });
    backend.dispose();
  });
});

test("10 000 decode steps use O(log) buffers, and the last row is right", async () => {
  const backend = webgpu({ device });
  const reach = 40;
  const attend = attention(softmax({ window: [reach, 0] }), backend, { causal: true, kernels: "require" });
  const kinds = 7; // tokens that repeat
  const width = 4;
  const rows = Array.from({ length: kinds }, (_, i) => numbers(width, i));
  const uploaded = rows.map((row) => backend.upload(row, [1, width]));
  const at = (t: number) => ({ q: uploaded[t % kinds]!, k: uploaded[(t + 1) % kinds]!, v: uploaded[(t + 2) % kinds]! });
  const steps = 10_000;
  let { state, y } = await attend(at(0));
  used.reset();
  for (let t = 1; t <= steps; t++) {
    const next = backend.tidy(() => attend.sync({ ...at(t), state }));
    free(backend, { y }, state);
    ({ state, y } = next);
  }
  expect(used.submits).toBe(steps);
  // One token of k and v per step. The copies to larger buffers, each of twice the length, are together less than two more.
  expect(used.copiedBytes).toBeLessThan(3 * steps * 8 * width);
  // Uploads, parameters, rows and states, and for k and v a buffer for each power of two.
  expect(backend.memory().buffers).toBeLessThanOrEqual(kinds + 8 + 2 * Math.ceil(Math.log2(steps)));
  expect(held(backend)).toBeLessThan(2 * steps * 8 * width + 70_000);
  const seen = Array.from({ length: reach + 1 }, (_, i) => steps - i);
  const q = rows[steps % kinds]!;
  const weights = seen.map((t) => {
    const k = rows[(t + 1) % kinds]!;
    return Math.exp(q.reduce((sum, x, c) => sum + x * k[c]!, 0) / Math.sqrt(width));
  });
  const total = weights.reduce((a, b) => a + b);
  const got = await backend.download(y);
  for (let c = 0; c < width; c++) {
    const expected = weights.reduce((sum, w, i) => sum + w * rows[(seen[i]! + 2) % kinds]![c]!, 0) / total;
    expect(got[c]).toBeCloseTo(expected, 5);
  }
  backend.dispose();
});
