/** Decoding with a cache: the full causal call, token by token. */
import { attention } from "@attnkit/core";
import { tfjs } from "@attnkit/tfjs";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import { mechanisms } from "@attnkit/catalog";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { kit, numbers, wave, worst } from "./oracle.ts";

const { MultiHeadAttention } = kit;
const [L, D] = [9, 6];
const sizes = { numHeads: 4, numKvHeads: 2, keyDim: 3, useCausalMask: true };
const first = mechanisms.map((entry) => ({ ...entry, options: entry.variants[0]! }));
const code = (code: string) => expect.objectContaining({ name: "AttentionError", code });

describe.each(["cpu", "wasm"])("on tfjs-%s", (backend) => {
  test.each(first)(
    "$name: a prefill and steps equal the call, for one sequence and for two",
    async ({ name, options }) => {
      await tf.setBackend(backend);
      for (const B of [1, 2]) {
        const layer = new MultiHeadAttention({ ...sizes, mechanism: name, mechanismOptions: options });
        const x = tf.tensor3d(wave(B, L, D, 0.4));
        const whole = layer.apply(x) as tf.Tensor;
        const parts: tf.Tensor[] = [];
        let state: ReturnType<typeof layer.decode>["state"] | undefined;
        for (const [from, n] of [
          [0, 1],
          [1, 4],
          [5, 1],
          [6, 1],
          [7, 2],
        ] as const) {
          const step = layer.decode(tf.slice(x, [0, from, 0], [B, n, D]), state);
          // The old state is the caller's: nothing of the next may depend on it.
          tf.dispose(state ?? {});
          state = step.state;
          parts.push(step.y);
        }
        expect(worst(await numbers(tf.concat(parts, 1)), await numbers(whole))).toBeLessThan(1e-5);
      }
    },
  );
});

test.each(first)(
  "$name: 1000 steps leave one state",
  async ({ name, options, create }) => {
    await tf.setBackend("wasm");
    const layer = new MultiHeadAttention({ ...sizes, mechanism: name, mechanismOptions: options });
    const x = tf.tensor3d(wave(1, 1, D, 0.4));
    (layer.apply(x) as tf.Tensor).dispose();
    const dims = { B: 1, Hq: 4, Hkv: 2, L: 1, S: 1, d: 3, dv: 3 };
    const grows = Object.values(create(options).state(dims)).some(({ shape }) => shape.includes("P"));
    let { y, state } = layer.decode(x);
    y.dispose();
    // A cache grows: its bytes are not counted, and there are fewer steps.
    const memory = () => `${tf.memory().numTensors} tensors, ${grows ? "some" : tf.memory().numBytes} bytes`;
    const seen = new Set([memory()]);
    for (let i = 0; i < (grows ? 50 : 1000); i++) {
      const next = layer.decode(x, state);
      tf.dispose([next.y, ...Object.values(state)]);
      state = next.state;
      seen.add(memory());
    }
    expect([...seen]).toHaveLength(1);
    tf.dispose([x, ...Object.values(state)]);
    layer.dispose();
  },
  60_000,
);

test("a key mask while decoding removes tokens; nothing at all gives 0", async () => {
  await tf.setBackend("cpu");
  const layer = new MultiHeadAttention({ ...sizes, mechanism: "softmax", useBias: false });
  const x = tf.tensor3d(wave(1, L, D, 0.4));
  layer.apply(x);
  const tail = tf.slice(x, [0, 2, 0], [1, L - 2, D]);
  const padded = layer.decode(tf.slice(x, [0, 0, 0], [1, 2, D]), undefined, tf.tensor2d([[0, 0]]));
  expect(await numbers(padded.y)).toEqual(Array(2 * D).fill(0));
  const after = layer.decode(tail, padded.state);
  expect(worst(await numbers(after.y), await numbers(layer.apply(tail) as tf.Tensor))).toBeLessThan(1e-5);
});

test("states are those of attention on the same backend, so they merge", async () => {
  await tf.setBackend("cpu");
  const layer = new MultiHeadAttention({ ...sizes, mechanism: "linear" });
  const x = tf.tensor3d(wave(1, L, D, 0.4));
  layer.apply(x);
  const part = (from: number, to: number) => layer.decode(tf.slice(x, [0, from, 0], [1, to - from, D])).state;
  const merged = await attention(layer.mechanism, tfjs({ tf })).merge(part(0, 4), part(4, L));
  const whole = part(0, L);
  for (const [name, t] of Object.entries(whole))
    expect(worst(await numbers(merged[name]!), await numbers(t))).toBeLessThan(1e-5);
});

test("errors are typed", () => {
  const x = tf.ones([1, 1, D]);
  const layer = new MultiHeadAttention({ ...sizes, mechanism: "linear" });
  expect(() => layer.decode(x)).toThrow(code("ATTN_UNSUPPORTED"));
  layer.apply(x);
  expect(() => layer.decode(x, { k: x })).toThrow(code("ATTN_STATE"));
  const all = new MultiHeadAttention({ ...sizes, useCausalMask: false, mechanism: "linear" });
  all.apply(x);
  expect(() => all.decode(x)).toThrow(code("ATTN_UNSUPPORTED"));
});
