import { backends } from "@attnkit/catalog";
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
