/**
 * Counts of `@attnkit/webgpu` in long prefills and many decode steps, on Dawn's null device. It compiles, checks and counts
 * everything and computes nothing; dispatches, submits and buffers do not depend on the values.
 */
import { creator, mechanisms } from "@attnkit/catalog";
import { type Attention, attention, type State } from "@attnkit/core";
import { gpuUse, meter } from "@attnkit/measure/gpu-meter";
import { type WebgpuDevice, webgpuDevice } from "@attnkit/tfjs/webgpu";
import { type GpuTensor, type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let gpu: WebgpuDevice;
let backend: WebgpuBackend;

beforeAll(async () => {
  gpu = await webgpuDevice({ webgpu: await import("webgpu"), flags: ["backend=null"] });
  backend = webgpu({ device: gpu.device });
});
afterAll(() => {
  backend.dispose();
  gpu.release();
});

const attend = async (name: string): Promise<Attention<GpuTensor>> => {
  const about = mechanisms.find((m) => m.name === name)!;
  const create = await creator(about, backend);
  return attention(create(about.variants[0]), backend, { causal: true });
};
const block = (H: number, L: number, d: number) => {
  const x = () => backend.upload(new Float32Array(H * L * d), [1, H, L, d]);
  return { q: x(), k: x(), v: x() };
};
const free = (...records: Readonly<Record<string, GpuTensor>>[]) => {
  for (const record of records) for (const x of Object.values(record)) backend.free(x);
};

test("softmax prefill at L = 4096, H = 8, d = 64: at most 1.1 times the bytes of q, k, v and y", async () => {
  const softmax = await attend("softmax");
  const whole = 4 * 8 * 4096 * 64; // bytes of one of q, k, v and y
  const x = block(8, 4096, 64);
  const made: Record<string, GpuTensor>[] = [];
  const { bytes } = (await gpuUse(backend as never, async () => {
    const { y, state } = await softmax(x);
    made.push({ y }, state);
  }))!;
  expect((3 * whole + bytes) / (4 * whole)).toBeLessThan(1.1);
  free(x, ...made);
});

/** Runs decode steps of one token and frees all that each leaves behind, except the newest state. */
async function decoder(name: string, H: number, d: number) {
  const call = await attend(name);
  const token = block(H, 1, d);
  const first = block(H, 5, d);
  const prefill = await call(first);
  free(first, { y: prefill.y });
  let state: State<GpuTensor> = prefill.state;
  return {
    async step() {
      const next = await call({ ...token, state });
      free({ y: next.y }, state);
      state = next.state;
    },
    end: () => free(token, state),
  };
}

test("10,000 decode steps of linear use the same buffers", { timeout: 60_000 }, async () => {
  const { step, end } = await decoder("linear", 1, 4);
  for (let i = 0; i < 3; i++) await step();
  const before = backend.memory();
  const used = meter(backend.gpuDevice);
  const { bytes } = used;
  used.reset();
  for (let i = 0; i < 10_000; i++) await step();
  expect(backend.memory()).toEqual(before);
  expect([used.peakBytes, used.submits]).toEqual([bytes, 10_000]);
  end();
});

/** Dispatches of a decode step of one token with the first option set, d = 64. A step is one submit. */
const DISPATCHES: Readonly<Record<string, number>> = {
  softmax: 1,
  linear: 1,
  logsumexp: 2,
  polynomial: 1,
  elementwise: 2,
};

describe("dispatches and submits of a decode step", () => {
  test("the table has every mechanism", () => {
    expect(Object.keys(DISPATCHES).sort()).toEqual(mechanisms.map(({ name }) => name).sort());
  });

  test.each(mechanisms.map(({ name }) => name))("%s", async (name) => {
    const { step, end } = await decoder(name, 2, 64);
    await step();
    const used = meter(backend.gpuDevice);
    used.reset();
    await step();
    expect({ dispatches: used.dispatches, submits: used.submits }).toEqual({
      dispatches: DISPATCHES[name],
      submits: 1,
    });
    end();
  });
});
