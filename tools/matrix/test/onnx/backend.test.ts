import { attention, type Block } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { linear } from "@attnkit/linear";
import { onnx } from "@attnkit/onnx";
import { softmax } from "@attnkit/softmax";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";

const sessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1 };

/** The runtime, and how many sessions were made and released. */
function counted() {
  const count = { made: 0, released: 0 };
  const create: typeof ort.InferenceSession.create = async (...args: unknown[]) => {
    const session = await (ort.InferenceSession.create as (...args: unknown[]) => Promise<ort.InferenceSession>)(
      ...args,
    );
    count.made++;
    const release = session.release.bind(session);
    session.release = async () => {
      count.released++;
      await release();
    };
    return session;
  };
  return { count, ort: { ...ort, InferenceSession: { ...ort.InferenceSession, create } } };
}

const numbers = (n: number, phase: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(2.3 * i + phase));

function blocks<T>(
  backend: { upload(data: Float32Array, shape: readonly number[]): T },
  L: number,
  phase: number,
  d = 4,
): Block<T> {
  const up = (p: number) => backend.upload(numbers(2 * 3 * L * d, phase + p), [2, 3, L, d]);
  return { q: up(0), k: up(1), v: up(2) };
}

describe("onnx", () => {
  test("says what it is", () => {
    const backend = onnx({ ort });
    expect(backend).toMatchObject({ name: "ort-cpu", kind: "onnx", dtype: "float32", supports: { gradients: true } });
    expect(backend.device).toMatch(/^ONNX Runtime 1\.\d+\.\d+, provider cpu$/);
    expect(backend.ops).toBeUndefined();
    expect(onnx({ ort, executionProviders: [{ name: "webgpu" }] }).name).toBe("ort-webgpu");
  });

  test.each([false, true])("one session decodes at every cache length; key mask %s", async (masked) => {
    const { ort, count } = counted();
    const backend = onnx({ ort, sessionOptions });
    const plain = cpu();
    const [attend, expected] = [
      attention(softmax(), backend, { causal: true }),
      attention(softmax(), plain, { causal: true }),
    ];
    const mask = Uint8Array.of(1, 1, 0, 1, 1, 0, 1, 1, 1, 1);
    let { state } = await attend({
      ...blocks(backend, 5, 0),
      ...(masked && { keyMask: backend.upload(mask, [2, 5]) }),
    });
    let right = await expected({ ...blocks(plain, 5, 0), ...(masked && { keyMask: plain.upload(mask, [2, 5]) }) });
    for (let step = 0; step < 20; step++) {
      const result = await attend({ ...blocks(backend, 1, step), state });
      right = await expected({ ...blocks(plain, 1, step), state: right.state });
      const [got, want] = [await backend.download(result.y), right.y.data];
      expect(Math.max(...Array.from(want, (x, i) => Math.abs(x - got[i]!)))).toBeLessThan(1e-6);
      state = result.state;
    }
    expect(state.k!.dims).toEqual([2, 3, 25, 4]);
    expect(count.made).toBe(2);
    await backend.release();
    expect(count.released).toBe(2);
  });

  test("programs that are equal share a session, whoever made them", async () => {
    const { ort, count } = counted();
    const backend = onnx({ ort, sessionOptions });
    for (let i = 0; i < 3; i++) await attention(linear(), backend)(blocks(backend, 4, i));
    expect(count.made).toBe(1);
    await attention(linear({ featureMap: "relu" }), backend)(blocks(backend, 4, 0));
    expect(count.made).toBe(2);
  });

  test("keeps no more sessions than it may, and releases none that runs", async () => {
    const { ort, count } = counted();
    const backend = onnx({ ort, sessionOptions, maxSessions: 2 });
    const attend = attention(linear(), backend, { causal: true });
    const widths = [1, 2, 3, 4, 5, 6];
    const results = await Promise.all(widths.map((d) => attend(blocks(backend, 5, d, d))));
    const plain = cpu();
    for (const [i, { y }] of results.entries()) {
      const x = blocks(plain, 5, widths[i]!, widths[i]!);
      const want = (await attention(linear(), plain, { causal: true })(x)).y.data;
      const got = await backend.download(y);
      expect(Math.max(...Array.from(want, (x, j) => Math.abs(x - got[j]!)))).toBeLessThan(1e-5);
    }
    expect(backend.sessions).toBe(2);
    expect(count).toEqual({ made: 6, released: 4 });
    await attend(blocks(backend, 5, 0, 6));
    expect(count.made).toBe(6);
    await attend(blocks(backend, 5, 0, 1));
    expect(count.made).toBe(7);
  });
});
