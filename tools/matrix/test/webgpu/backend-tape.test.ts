/** Gradients of programs that run operations and kernels on the tensors of `@attnkit/webgpu`. */

import { backends } from "@attnkit/catalog";
import { attention, type Tensors } from "@attnkit/core";
import { softmax } from "@attnkit/softmax/webgpu";
import type { GpuTensor, WebgpuBackend } from "@attnkit/webgpu";
import { beforeAll, expect, test, vi } from "vitest";

// A software adapter that shares two cores with other files, and compiles slowly.
vi.setConfig({ testTimeout: 60_000 });

let backend: WebgpuBackend;
beforeAll(async () => {
  backend = (await backends.find((b) => b.name === "webgpu")!.create()) as WebgpuBackend;
});

const tensor = (values: readonly number[], shape: readonly number[] = [values.length]) =>
  backend.upload(Float32Array.from(values), shape);
type Run = (x: Tensors<GpuTensor>) => Tensors<GpuTensor>;
const gradient = async (run: Run, x: Tensors<GpuTensor>, seeds: Tensors<GpuTensor>, wrt = Object.keys(x)) => {
  const found = await backend.vjp(((_: unknown, t: Tensors<GpuTensor>) => run(t)) as never, x, seeds, wrt);
  const read = Object.entries(found).map(async ([n, t]) => [n, [...(await backend.download(t))]] as const);
  for (const t of Object.values(found)) backend.free(t);
  return Object.fromEntries(await Promise.all(read));
};

test("operations of the backend itself are recorded, and one tensor under two names has two gradients", async () => {
  const { ops } = backend;
  const a = tensor([2, 3]);
  const got = await gradient(({ a, b }) => ({ y: ops.mul(ops.mul(a!, a!), b!) }), { a, b: a }, { y: tensor([1, 1]) });
  expect(got).toEqual({ a: [8, 18], b: [4, 9] });
});

test("an operation after vjp is not recorded, and an error in the program ends the recording", async () => {
  const fail = () => {
    throw new Error("mine");
  };
  await expect(gradient(fail, { a: tensor([1]) }, {})).rejects.toThrow("mine");
  const before = backend.memory().bytes - backend.memory().idleBytes;
  const y = backend.tidy(() => backend.ops.mul(backend.ops.mul(tensor([1]), 2), 3));
  backend.free(y);
  expect(backend.memory().bytes - backend.memory().idleBytes).toBe(before);
});

test("a program may free its tensors and use tidy, and nothing but the gradients is left", async () => {
  const { ops } = backend;
  const given = { x: tensor([0.5, 1]) };
  const seeds = { y: tensor([1, 1]) };
  const run: Run = ({ x }) => {
    const z = backend.tidy(() => ops.mul(ops.exp(x!), 2));
    const y = ops.mul(z, z);
    backend.free(z);
    return { y };
  };
  await gradient(run, given, seeds);
  const before = backend.memory().bytes - backend.memory().idleBytes;
  const { x } = await gradient(run, given, seeds);
  expect(x![0]! / (8 * Math.exp(1))).toBeCloseTo(1, 5);
  expect(backend.memory().bytes - backend.memory().idleBytes).toBe(before);
});

test("self-attention: operations before and after a kernel, and two blocks that share a cache", async () => {
  const values = Array.from({ length: 24 }, (_, i) => Math.sin(i));
  const x = { x: tensor(values, [1, 1, 6, 4]) };
  const seeds = { y: tensor(values.toReversed(), [1, 1, 6, 4]) };
  const run = (kernels: "require" | "never"): Run => {
    const attend = attention(softmax(), backend, { causal: true, kernels });
    return ({ x }) => {
      const { ops } = backend;
      const z = ops.tanh(x!);
      const part = (from: number, to: number) => ops.slice(z, 2, from, to);
      const block = (t: GpuTensor) => ({ q: t, k: t, v: t });
      const first = attend.sync(block(part(0, 4)));
      const second = attend.sync({ ...block(part(4, 6)), state: first.state });
      return { y: ops.mul(ops.concat([first.y, second.y], 2), 3) };
    };
  };
  const [got, expected] = [await gradient(run("require"), x, seeds), await gradient(run("never"), x, seeds)];
  expect(expected.x!.some((g) => Math.abs(g) > 0.1)).toBe(true);
  for (const [i, g] of expected.x!.entries()) expect(got.x![i]).toBeCloseTo(g, 4);
});
