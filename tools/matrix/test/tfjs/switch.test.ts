import { backends } from "@attnkit/catalog";
import { attention, type Mechanism } from "@attnkit/core";
import { softmax } from "@attnkit/softmax";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";

test("two tfjs backends at a time: each call runs on its own", async () => {
  const made = ["tfjs-cpu", "tfjs-wasm"].map((name) => backends.find((b) => b.name === name)!.create());
  const both = [await made[0]!, await made[1]!];
  expect(both.map((b) => b.name)).toEqual(["tfjs-cpu", "tfjs-wasm"]);
  for (const backend of [...both, ...both]) {
    let ran = "";
    const run = backend.compile((o, { x }) => {
      ran = `tfjs-${tf.getBackend()}`;
      return { y: o.mul(x!, 2) };
    });
    const { y } = await run({ x: backend.upload(Float32Array.of(1, 2), [2]) });
    expect([...(await backend.download(y))]).toEqual([2, 4]);
    expect(ran).toBe(backend.name);
  }
});

test("calls on two of them that overlap: each runs on its own, and its kernels see it", async () => {
  const made = ["tfjs-cpu", "tfjs-wasm"].map((name) => backends.find((b) => b.name === name)!.create());
  const both = await Promise.all(made);
  const seen: string[] = [];
  const asked: Mechanism["kernels"] = [
    {
      name: "asks",
      kind: "tfjs",
      accepts: (_, backend) => {
        seen.push(`tfjs-${(backend as unknown as { tf: typeof tf }).tf.getBackend()}`);
        return "it only asks";
      },
      run: (block) => ({ y: block.q, state: {} }),
    },
  ];
  const attends = both.map((backend) => attention({ ...softmax(), kernels: asked }, backend, { causal: true }));
  const blocks = both.map((backend) => {
    const x = backend.upload(
      Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
      [1, 1, 3, 4],
    );
    return { q: x, k: x, v: x };
  });
  const call = async (i: number) => {
    const n = i % 2;
    for (let turn = 0; turn < (3 * i) % 7; turn++) await null;
    const { y } = await attends[n]!(blocks[n]!);
    return [...(await both[n]!.download(y))];
  };
  const calls = Array.from({ length: 12 }, (_, i) => i);
  const expected: number[][] = [];
  for (const i of calls) expected.push(await call(i));
  expect(seen).toEqual(calls.map((i) => both[i % 2]!.name));
  seen.length = 0;
  expect(await Promise.all(calls.map(call))).toEqual(expected);
  expect(seen.sort()).toEqual(calls.map((i) => both[i % 2]!.name).sort());
});
