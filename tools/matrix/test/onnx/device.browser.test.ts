/** Outputs that stay on the GPU. In Chromium: ONNX Runtime's binding for Node cannot read them (README of @attnkit/onnx). */

import { attention, type Block, isAttentionError, type Mechanism } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { linear } from "@attnkit/linear";
import { meter } from "@attnkit/measure/gpu-meter";
import { type OnnxBackend, onnx } from "@attnkit/onnx";
import { softmax } from "@attnkit/softmax";
import { webgpuDevice } from "@attnkit/tfjs/webgpu";
import * as ort from "onnxruntime-web/webgpu";
import { beforeAll, expect, test, vi } from "vitest";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000 });
ort.env.wasm.numThreads = 1;

type Tensors = Readonly<Record<string, ort.Tensor>>;

const [B, H, d] = [1, 2, 3];
let device: GPUDevice;
let backend: OnnxBackend;
beforeAll(async () => {
  ({ device } = await webgpuDevice());
  backend = onnx({ ort, executionProviders: [{ name: "webgpu", device }] });
});

const numbers = (n: number, phase: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(2.3 * i + phase));
function block<T>(to: { upload(data: Float32Array, shape: readonly number[]): T }, L: number, phase = 0): Block<T> {
  const up = (p: number) => to.upload(numbers(B * H * L * d, phase + p), [B, H, L, d]);
  return { q: up(0), k: up(1), v: up(2) };
}
const free = (...all: Tensors[]) => {
  for (const x of all) for (const t of Object.values(x)) backend.free(t);
};
const locations = (x: Tensors) => [...new Set(Object.values(x).map((t) => t.location))];
const worst = (got: ArrayLike<number>, want: ArrayLike<number>) =>
  Math.max(...Array.from(want, (x, i) => Math.abs(x - got[i]!)));
const code = (act: Promise<unknown>) =>
  act.then(
    () => "accepted",
    (error) => (isAttentionError(error) ? error.code : error),
  );

test.each([
  ["softmax", softmax()],
  ["linear", linear()],
] as const)("%s: the state of 3 steps stays on the GPU, and y is the reference's", async (_, mechanism: Mechanism) => {
  expect(backend.outputs).toBe("gpu-buffer");
  const plain = cpu();
  const attend = attention(mechanism, backend, { causal: true });
  const expected = attention(mechanism, plain, { causal: true });
  const keyMask = Uint8Array.of(1, 0, 1);
  let { state } = await attend({ ...block(backend, 3), keyMask: backend.upload(keyMask, [B, 3]) });
  let right = await expected({ ...block(plain, 3), keyMask: plain.upload(keyMask, [B, 3]) });
  const downloads = vi.spyOn(GPUBuffer.prototype, "mapAsync");
  const made = vi.spyOn(device, "createBuffer");
  for (let step = 0; step < 3; step++) {
    expect(locations(state)).toEqual(["gpu-buffer"]);
    const next = await attend({ ...block(backend, 1, step), state });
    right = await expected({ ...block(plain, 1, step), state: right.state });
    expect(next.y.location).toBe("gpu-buffer");
    expect(worst(await backend.download(next.y), right.y.data)).toBeLessThan(1e-5);
    free(state, { y: next.y });
    state = next.state;
  }
  // y of each step comes down, and its q, k and v go up.
  expect(downloads).toHaveBeenCalledTimes(3);
  const uploads = made.mock.calls.filter(([x]) => x.mappedAtCreation && x.size === 4 * B * H * d);
  expect(uploads).toHaveLength(9);
  vi.restoreAllMocks();
  for (const [name, x] of Object.entries(state)) {
    expect(backend.shape(x)).toEqual(plain.shape(right.state[name]!));
    expect(worst(await backend.download(x), right.state[name]!.data), name).toBeLessThan(1e-5);
  }
  free(state);
});

test("what is downloaded stays where it is, and what is freed is refused", async () => {
  const attend = attention(linear(), backend);
  const { y, state } = await attend(block(backend, 2));
  const [first, again] = await Promise.all([backend.download(y), backend.download(y)]);
  expect([...again]).toEqual([...first]);
  first.fill(0);
  expect([...(await backend.download(y))]).toEqual([...again]);
  expect(y.location).toBe("gpu-buffer");
  free({ y }, state);
  expect(y.location).toBe("none");
  expect(await code(backend.download(y))).toBe("ATTN_DATA");
  expect(await code(attend({ ...block(backend, 2), state }))).toBe("ATTN_DATA");
  expect(await code(attend({ ...block(backend, 2), q: y }))).toBe("ATTN_DATA");
});

test("an output that is an input is another tensor on the GPU", async () => {
  const layer = attention(softmax(), backend, { causal: true });
  const { y, state: before } = await layer(block(backend, 3));
  const values = [...(await backend.download(y))];
  const { y: z, state } = await layer({ q: y, k: y, v: y });
  expect(state.k).not.toBe(y);
  expect(locations(state)).toEqual(["gpu-buffer"]);
  free({ y }, before);
  expect([...(await backend.download(state.k!))]).toEqual(values);
  expect([...(await state.v!.getData())].map(Number)).toEqual(values);
  const next = await layer({ ...block(backend, 1), state });
  expect(next.state.k!.dims).toEqual([B, H, 4, d]);
  free({ y: z, z: next.y }, state, next.state);
});

test("masks, single numbers and tensors without elements come out as well", async () => {
  const outputs = backend.compile((o, { x, m, none }) => ({
    masked: o.slice(m!, 1, 1, 4),
    one: o.sum(o.sum(x!, 1), 0),
    none: o.exp(none!),
    two: o.add(x!, 1),
  }));
  const up = (n: number) => backend.upload(numbers(n, 0), [1, n]);
  const got = await outputs({ x: up(5), m: backend.upload(Uint8Array.of(1, 0, 0, 1, 1), [1, 5]), none: up(0) });
  const read = async (name: string) => [...(await backend.download(got[name]!))];
  expect(await read("masked")).toEqual([0, 0, 1]);
  expect(got.masked!.type).toBe("bool");
  expect(await read("none")).toEqual([]);
  expect(
    worst(
      await read("two"),
      [...numbers(5, 0)].map((x) => x + 1),
    ),
  ).toBeLessThan(1e-6);
  expect(worst(await read("one"), [numbers(5, 0).reduce((a, b) => a + b)])).toBeLessThan(1e-6);
  free(got);
});

test("calls that are not awaited wait for each other", async () => {
  const attend = attention(softmax(), backend, { causal: true });
  const lengths = [2, 3, 3];
  const results = await Promise.all(lengths.map((L) => attend(block(backend, L, L))));
  for (const [i, L] of lengths.entries()) {
    const { y } = await attention(softmax(), cpu(), { causal: true })(block(cpu(), L, L));
    expect(worst(await backend.download(results[i]!.y), y.data)).toBeLessThan(1e-5);
    free({ y: results[i]!.y }, results[i]!.state);
  }
});

test("a session that is released lives until the tensors that it made are freed", async () => {
  const released = vi.fn();
  const create: typeof ort.InferenceSession.create = async (...args: unknown[]) => {
    const make = ort.InferenceSession.create as (...args: unknown[]) => Promise<ort.InferenceSession>;
    const session = await make(...args);
    const release = session.release.bind(session);
    session.release = () => {
      released();
      return release();
    };
    return session;
  };
  const watched = { ...ort, InferenceSession: { ...ort.InferenceSession, create } };
  const few = onnx({ ort: watched, executionProviders: [{ name: "webgpu", device }], maxSessions: 1 });
  const attend = attention(linear(), few, { causal: true });
  const { y, state } = await attend(block(few, 2));
  const expected = [...(await few.download(y))];
  const later = await attend({ ...block(few, 1), state }); // its session takes the place of the first
  expect(few.sessions).toBe(1);
  const next = [...(await few.download(later.y))];
  await few.release();
  expect(few.sessions).toBe(0);
  expect(released).not.toHaveBeenCalled();
  expect([...(await few.download(y))]).toEqual(expected);
  const repeated = await attend({ ...block(few, 1), state });
  expect([...(await few.download(repeated.y))]).toEqual(next);
  free({ y, later: later.y, repeated: repeated.y }, state, later.state, repeated.state);
  await few.release();
  expect(released).toHaveBeenCalledTimes(3);
});

test("the caller's own location goes first", async () => {
  const sessionOptions = { preferredOutputLocation: "cpu" } as const;
  const plain = onnx({ ort, executionProviders: [{ name: "webgpu", device }], sessionOptions });
  expect(plain.outputs).toBe("cpu");
  const { y, state } = await attention(linear(), plain)(block(plain, 2));
  expect(locations({ y, ...state })).toEqual(["cpu"]);
  await plain.release();
});

test("1000 steps leave one state", async () => {
  const attend = attention(linear(), backend, { causal: true });
  const used = meter(device);
  const x = block(backend, 1);
  let { state } = await attend(x);
  const bytes: number[] = [];
  for (let step = 0; step < 1000; step++) {
    const next = await attend({ ...x, state });
    free({ y: next.y }, state);
    state = next.state;
    bytes.push(used.bytes);
  }
  expect(bytes[99]).toBeGreaterThan(0);
  expect(Math.max(...bytes.slice(100))).toBe(Math.max(...bytes.slice(0, 100)));
  const kept = [];
  for (let step = 0; step < 10; step++) kept.push(await attend({ ...x, state }));
  expect(used.bytes).toBeGreaterThan(Math.max(...bytes)); // what is not freed is counted
  free(state, ...kept.map((one) => ({ ...one.state, y: one.y })));
});
