/** Nothing leaks: what tfjs counts is the same after many calls. In WebAssembly, where every tensor is one of tfjs's. */
import { attention, type State } from "@attnkit/core";
import { tfjs } from "@attnkit/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { mechanisms } from "@attnkit/catalog";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";

type Tensors = Readonly<Record<string, tf.Tensor>>;

const backend = tfjs({ tf });
const [B, H, d] = [1, 2, 4];
const tokens = (n: number) => {
  const one = () =>
    backend.upload(
      Float32Array.from({ length: B * H * n * d }, (_, i) => Math.sin(i)),
      [B, H, n, d],
    );
  return { q: one(), k: one(), v: one() };
};
const free = (...all: Tensors[]) => {
  for (const x of all) for (const t of Object.values(x)) backend.free(t);
};
const counted = () => {
  const { numTensors, numBytes, numDataBuffers } = tf.memory();
  return { numTensors, numBytes, numDataBuffers };
};
const all = mechanisms.flatMap(({ create, variants }) => variants.map((options) => create(options)));
const first = mechanisms.map(({ create, variants }) => create(variants[0]));
const title = (m: { name: string; options: unknown }) => `${m.name} ${JSON.stringify(m.options)}`;
const grows = (m: (typeof all)[number]) =>
  Object.values(m.state({ B, Hq: H, Hkv: H, L: 1, S: 1, d, dv: d })).some((e) => e.shape.includes("P"));

beforeAll(async () => {
  await tf.setBackend("wasm");
});

test.each(all.map((m) => [title(m), m] as const))(
  "%s: 100 calls leave what they return, and freeing that leaves nothing",
  async (_, mechanism) => {
    const attend = attention(mechanism, backend, { causal: true, lse: mechanism.takes.lse === true });
    const block = tokens(20);
    const before = counted();
    for (let i = 0; i < 100; i++) {
      const { y, lse, state } = await attend(block);
      free({ y, ...(lse && { lse }) }, state);
      expect(counted()).toEqual(before);
    }
    // The returned and freed tensors were not the caller's own.
    expect((await backend.download(block.k)).length).toBe(B * H * 20 * d);
    free(block);
  },
  60_000,
);

test.each(first.map((m) => [title(m), m] as const))(
  "%s: 1000 decode steps leave one state",
  async (_, mechanism) => {
    const attend = attention(mechanism, backend, { causal: true });
    const block = tokens(1);
    let state: State<tf.Tensor> = (await attend(block)).state;
    const before = counted();
    for (let i = 0; i < 1000; i++) {
      const next = await attend({ ...block, state });
      free({ y: next.y }, state);
      state = next.state;
      if (grows(mechanism)) expect(counted().numTensors).toBe(before.numTensors);
      else expect(counted()).toEqual(before);
    }
    free(block, state);
  },
  60_000,
);

test("a vector-Jacobian product, and merged states", async () => {
  const mechanism = all[0]!;
  const before = counted();
  const x = tokens(5);
  const seed = backend.upload(new Float32Array(B * H * 5 * d).fill(1), [B, H, 5, d]);
  const program = (o: Parameters<typeof mechanism.forward>[0], block: Readonly<Record<string, never>>) => ({
    y: mechanism.forward(o, block as never, { causal: true, lse: false }).y,
  });
  free(await backend.vjp(program as never, x, { y: seed }, ["q", "k", "v"]));
  const attend = attention(mechanism, backend, { causal: true });
  const [a, b] = [await attend(x), await attend(x)];
  free(await attend.merge(a.state, b.state));
  free({ ...x, seed, ya: a.y, yb: b.y }, a.state, b.state);
  expect(counted()).toEqual(before);
});
