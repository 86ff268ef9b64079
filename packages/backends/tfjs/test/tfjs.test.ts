/** Uses the backend as users of tfjs do, without registered gradients: plain Node cannot import those alone. */
import type { Program } from "@attnkit/core/backend";
import type { Ops } from "@attnkit/core/program";
import { tfjs } from "@attnkit/tfjs";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { beforeEach, describe, expect, test } from "vitest";

const backend = tfjs({ tf });
const o = backend.ops;
const values = async (x: tf.Tensor) => [...(await x.data())];
/** `sum softmax(a b)`, with broadcasting, a maximum and a selection. */
const weigh = <T>(o: Ops<T>, a: T, b: T): T => {
  const scores = o.matmul(a, b);
  const e = o.exp(o.sub(scores, o.max(scores, -1)));
  const kept = o.where(o.maximum(scores, 0), e, 0);
  return o.sum(o.reshape(o.div(kept, o.add(o.sum(e, -1), 1)), [-1]), 0);
};
const a = () => tf.tensor([0.1, -0.4, 0.7, 0.3, 0.9, -0.2], [2, 3]);
const b = () => tf.tensor([0.5, -0.3, 0.2, 0.8, -0.6, 0.4], [3, 2]);

beforeEach(async () => {
  await tf.setBackend("cpu");
});

describe("synchronous use", () => {
  test("inside tf.tidy only what is returned stays", async () => {
    const [x, y] = [a(), b()];
    const before = tf.memory().numTensors;
    const out = tf.tidy(() => weigh(o, x, y));
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(out.shape).toEqual([1]);
    tf.dispose([x, y, out]);
  });

  test("tf.grads equals differences, and leaves its gradients alone behind", async () => {
    const [x, y] = [a(), b()];
    const f = (x: tf.Tensor, y: tf.Tensor) => weigh(o, x, y);
    const before = tf.memory().numTensors;
    const [dx, dy] = tf.grads(f)([x, y]) as [tf.Tensor, tf.Tensor];
    expect(tf.memory().numTensors).toBe(before + 2);
    for (const [of, gradient, other] of [
      [x, dx, (t: tf.Tensor) => f(t, y)],
      [y, dy, (t: tf.Tensor) => f(x, t)],
    ] as const) {
      const [data, got] = [await values(of), await values(gradient)];
      for (const [i, g] of got.entries()) {
        const at = async (h: number) => (await values(other(tf.tensor(data.with(i, data[i]! + h), of.shape))))[0]!;
        expect(g).toBeCloseTo(((await at(1e-2)) - (await at(-1e-2))) / 2e-2, 3);
      }
    }
  });

  test("tf.variableGrads, and an optimizer step that lowers the loss", async () => {
    const [x, w] = [a(), tf.variable(b())];
    const loss = () => o.reshape(weigh(o, x, w), []) as tf.Scalar;
    const { value, grads } = tf.variableGrads(loss);
    expect(Object.keys(grads)).toEqual([w.name]);
    tf.train.sgd(0.5).minimize(loss);
    expect((await values(loss()))[0]).toBeLessThan((await values(value))[0]!);
  });
});

describe("tensors belong to the caller", () => {
  test("outputs are tensors of their own, also where they are inputs or one another", async () => {
    const program: Program = (_, { x }) => ({ x: x!, again: x! });
    const x = a();
    const out = await backend.compile(program)({ x });
    expect(new Set([x, out.x, out.again]).size).toBe(3);
    backend.free(out.x!);
    x.dispose();
    expect((await values(out.again!)).length).toBe(6);
  });

  test("uploads and downloads are copies", async () => {
    const data = Float32Array.of(1, 2);
    const x = backend.upload(data, [2]);
    data[0] = 9;
    (await backend.download(x))[1] = 9;
    expect(await values(x)).toEqual([1, 2]);
  });

  test("integer masks and integer numbers of tfjs are taken as they are meant", async () => {
    const mask = tf.tensor([0, 2], [2], "int32");
    expect(await values(o.where(mask, 1, tf.tensor([5, 6], [2], "int32")))).toEqual([5, 1]);
    expect(await values(o.div(tf.tensor([3], [1], "int32"), 2))).toEqual([1.5]);
  });
});

test("name and device are those of the backend that tfjs is on", async () => {
  expect([backend.name, backend.device]).toEqual(["tfjs-cpu", "JavaScript, one thread (tfjs)"]);
  await tf.setBackend("wasm");
  expect(backend.name).toBe("tfjs-wasm");
  expect(backend.device).toMatch(/^WebAssembly/);
});

test.each(["cpu", "wasm"])("a mask of 0.5 is true, and selection does not multiply, on %s", async (name) => {
  await tf.setBackend(name);
  const mask = tf.tensor([0.5, 0, Number.NaN, -0]);
  expect(await values(o.where(mask, 1, 2))).toEqual([1, 2, 1, 2]);
  const dx = tf.grad((x: tf.Tensor) => o.where(mask, o.log(x), 0))(tf.tensor([2, -0, 4, 0]));
  expect((await values(dx)).slice(0, 1)).toEqual([0.5]);
});

test("errors are typed", async () => {
  expect(() => backend.upload(Float32Array.of(1), [2])).toThrow(expect.objectContaining({ code: "ATTN_DATA" }));
  expect(() => backend.upload([1, "2"] as never, [2])).toThrow(expect.objectContaining({ code: "ATTN_DATA" }));
  expect(() => o.add(tf.zeros([2]), tf.zeros([3]))).toThrow(expect.objectContaining({ code: "ATTN_SHAPE" }));
  const program: Program = (_, { x }) => ({ y: x! });
  const x = tf.zeros([2]);
  await expect(backend.vjp(program, { x }, { z: x }, ["x"])).rejects.toMatchObject({ code: "ATTN_SHAPE" });
  await expect(backend.vjp(program, { x }, { y: x }, ["w"])).rejects.toMatchObject({ code: "ATTN_SHAPE" });
});
