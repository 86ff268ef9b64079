import { backends } from "@attnkit/catalog";
import type { Tensor, TfjsBackend } from "@attnkit/tfjs";
import { dispatch, type Host, hostOf, operation } from "@attnkit/wgsl";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { poison } from "./poison.ts";

let backend: TfjsBackend;
let host: Host<Tensor>;

beforeAll(async () => {
  backend = (await backends.find((b) => b.name === "tfjs-webgpu")!.create()) as TfjsBackend;
  host = hostOf(backend) as Host<Tensor>;
});

/** Two outputs of one dispatch: `a x` and `x + b`. */
function affine(x: Tensor, a: number): Record<"scaled" | "shifted", Tensor> {
  const outputs = { scaled: host.empty(x.shape), shifted: host.empty(x.shape) };
  const code = `@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x < p.n) { scaled[id.x] = p.a * x[id.x]; shifted[id.x] = x[id.x] + f32(p.b); }
  }`;
  dispatch(host, {
    ...{ name: "affine", code, inputs: { x }, outputs, sizes: { n: x.size, b: 3 }, floats: { a } },
    workgroups: [Math.ceil(x.size / 64)],
  });
  return outputs;
}

test("a dispatch reads what tfjs computed before it and tfjs reads what it wrote", async () => {
  const stop = poison(tf);
  const { scaled, shifted } = affine(tf.add(tf.range(0, 70), 1), 2);
  const y = tf.sub(scaled, shifted); // 2 (i + 1) - (i + 1 + 3)
  expect([...(await y.data())]).toEqual(Array.from({ length: 70 }, (_, i) => i - 2));
  stop();
});

test("several outputs are one operation of the tape", async () => {
  const f = (x: Tensor) => {
    const { scaled, shifted } = operation(host, {
      inputs: { x },
      forward: () => affine(x, 2),
      backward: (_, __, seeds) => ({ x: tf.add(tf.mul(seeds.scaled!, 2), seeds.shifted!) }),
    });
    const { mul, sum } = backend.ops; // with their own gradients: tfjs registers its by an import
    return sum(mul(scaled!, shifted!), 0); // sum of 2 x (x + 3), gradient 4 x + 6
  };
  const x = tf.tensor1d([1, -2, 0.5]);
  const before = tf.memory().numTensors;
  const [g] = tf.grads(f)([x]);
  expect([...(await g!.data())]).toEqual([10, -2, 8]);
  expect(tf.memory().numTensors).toBe(before + 1);
});

test("nothing leaks, on tfjs's side or the GPU's", async () => {
  const x = tf.range(0, 100);
  const step = async () => {
    const outputs = affine(x, 1);
    const y = await outputs.scaled.data();
    tf.dispose(outputs);
    return y;
  };
  await step();
  await step();
  const memory = () => tf.memory() as tf.MemoryInfo & { numBytesInGPU: number; numBytesAllocatedInGPU: number };
  const before = memory();
  for (let n = 0; n < 20; n++) await step();
  expect(memory()).toEqual(before);
});
