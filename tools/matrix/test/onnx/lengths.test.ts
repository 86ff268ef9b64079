import { creator, mechanisms } from "@attnkit/catalog";
import { attention, type Causal, type Data, type Mechanism, type Result, type Shape, type State } from "@attnkit/core";
import { varyingAxes } from "@attnkit/core/backend";
import { cpu, type NdArray } from "@attnkit/cpu";
import { onnx } from "@attnkit/onnx";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";

/** Two heads of queries on one of keys, 4 channels. */
const [Hq, Hkv, d] = [2, 1, 4];
const sizes = [
  [2, 5],
  [1, 64],
  [3, 70],
  [2, 17],
  [1, 1],
  [2, 2],
  [1, 130],
] as const;

interface Up<T> {
  upload(data: Data, shape: Shape): T;
}

function block<T>({ upload }: Up<T>, B: number, L: number, masked: boolean) {
  const wave = (n: number, phase: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(2.3 * i + phase));
  const heads = (H: number, phase: number) => upload(wave(B * H * L * d, phase), [B, H, L, d]);
  const present = Uint8Array.from({ length: B * L }, (_, i) => +(i % 3 !== 1));
  return {
    q: heads(Hq, L),
    k: heads(Hkv, L + 1),
    v: heads(Hkv, L + 2),
    ...(masked && { keyMask: upload(present, [B, L]) }),
  };
}

const cases = mechanisms.flatMap((entry) =>
  (entry.kernels?.onnx ? (["cpu", "onnx"] as const) : (["cpu"] as const)).flatMap((form) =>
    entry.variants.slice(0, form === "onnx" ? 1 : 2).map((options) => [entry.name, form, options, entry] as const),
  ),
);

describe.each(cases)("%s, %s, %o", (_, form, options, entry) => {
  test.each<[Causal, boolean]>([
    [true, false],
    ["end", true],
    [false, false],
  ])("all batches and lengths; causal %s, key mask %s", async (causal, masked) => {
    const mechanism = (await creator(entry, { kind: form }))(options);
    const backend = onnx({ ort, sessionOptions: { intraOpNumThreads: 1, interOpNumThreads: 1 } });
    const plain = cpu();
    const attend = attention(mechanism, backend, { causal });
    const expected = attention(entry.create(options), plain, { causal });
    const close = async (what: string, got: ort.Tensor, want: { readonly data: Data }) => {
      const [a, b] = [await backend.download(got), want.data];
      const scale = Math.max(1, ...b.map(Math.abs));
      const off =
        a.length === b.length ? Math.max(...a.map((x, i) => (x === b[i] ? 0 : Math.abs(x - b[i]!)))) : Infinity;
      expect(off / scale, what).toBeLessThan(2e-5);
    };
    for (const [B, L] of sizes) {
      let state: State<ort.Tensor> | undefined;
      let right: State<NdArray> | undefined;
      for (const step of [0, 1]) {
        const got: Result<ort.Tensor> = await attend({ ...block(backend, B, L, masked), state });
        const want: Result<NdArray> = await expected({ ...block(plain, B, L, masked), state: right });
        await close(`y, B ${B}, L ${L}, block ${step}`, got.y, want.y);
        for (const [key, x] of Object.entries(want.state)) await close(`${key}, B ${B}, L ${L}`, got.state[key]!, x);
        [state, right] = [got.state, want.state];
      }
    }
    await backend.release();
  });
});

test.each(cases)(
  "%s, %s, %o: one session for five lengths and three batches, one more after a past",
  async (...args) => {
    const [name, form, options, entry] = args;
    const mechanism = (await creator(entry, { kind: form }))(options);
    const backend = onnx({ ort, sessionOptions: { intraOpNumThreads: 1, interOpNumThreads: 1 } });
    const attend = attention(mechanism, backend, { causal: true });
    const calls = [
      [1, 200],
      [2, 203],
      [3, 210],
      [1, 251],
      [2, 231],
    ] as const;
    for (const [B, L] of calls) {
      const { state } = await attend(block(backend, B, L, false));
      await attend({ ...block(backend, B, L, false), state });
    }
    // Softmax in ONNX nodes cuts causal queries into blocks by their number.
    expect(backend.sessions).toBe(name === "softmax" && form === "onnx" ? 2 * calls.length : 2);
    await backend.release();
  },
);

test("what may vary of a call", () => {
  const softmax = mechanisms.find(({ name }) => name === "softmax")!.create({});
  const call = {
    ...({ mechanism: "softmax", options: {}, causal: true, lse: false, state: true } as const),
    dims: { B: 2, Hq: 2, Hkv: 2, L: 5, S: 5, d: 4, dv: 4 },
    shapes: {
      q: [2, 2, 5, 4],
      k: [2, 2, 5, 4],
      v: [2, 2, 5, 4],
      mask: [1, 1, 5, 8],
      state: { k: [2, 2, 3, 4], v: [2, 2, 3, 4] },
    },
  };
  const tokens = ["B", null, "L", null];
  expect(varyingAxes(softmax, call, 1)).toEqual({
    axes: {
      ...{ q: tokens, k: tokens, v: tokens, mask: [null, null, "L", "P+L"] },
      ...{ "state.k": ["B", null, "P", null], "state.v": ["B", null, "P", null] },
    },
    granularity: 1,
  });
  const apart = { ...call, dims: { ...call.dims, S: 4 } };
  expect(varyingAxes(softmax, apart, 1).axes.q).toEqual(["B", null, null, null]);
  expect(varyingAxes(softmax, call, undefined).axes.q).toEqual(["B", null, null, null]);
});

test("a program that computes with an unknown size is refused, and is not recorded with NaN", async () => {
  const plain = mechanisms.find(({ name }) => name === "softmax")!.create({});
  const wrong: Mechanism = {
    ...plain,
    forward(o, block, how) {
      const { y, state } = plain.forward(o, block, how);
      const L = o.shape(block.q)[2] as number; // the claim that is not true
      return { y: o.mul(y, 1 / L), state };
    },
  };
  const backend = onnx({ ort });
  const attend = attention(wrong, backend, { causal: true });
  await expect(attend(block(backend, 1, 5, false))).rejects.toThrow(
    expect.objectContaining({
      code: "ATTN_UNSUPPORTED",
      message: expect.stringMatching(/got length, expected a number/),
    }),
  );
  // One token is the step of a decode, whose length is known.
  const { y } = await attend(block(backend, 1, 1, false));
  const right = await attention(plain, backend)(block(backend, 1, 1, false));
  expect(await backend.download(y)).toEqual(await backend.download(right.y));
  await backend.release();
});
