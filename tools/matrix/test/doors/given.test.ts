import { type AttentionOptions, attention, type Backend, type Block, isAttentionError } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { linear } from "@attnkit/linear";
import { exportOnnx, onnx } from "@attnkit/onnx";
import { softmax } from "@attnkit/softmax";
import { tfjs } from "@attnkit/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-node";
import "@tensorflow/tfjs-backend-cpu";
import { describe, expect, test } from "vitest";

type Any = Backend<unknown>;
const made: Readonly<Record<string, () => Any>> = {
  cpu: () => cpu() as Any,
  "cpu:float64": () => cpu({ dtype: "float64" }) as Any,
  "tfjs-cpu": () => tfjs({ tf }) as Any,
  "ort-cpu": () => onnx({ ort }) as Any,
};

const foreign = {
  "a Float32Array": new Float32Array(4),
  "numbers in arrays": [
    [1, 2],
    [3, 4],
  ],
  "a number": 1,
  null: null,
  "a string": "q",
  "an object": {},
  "a promise": Promise.resolve(),
  "a function": () => 1,
};

/** Returns the error that an act throws or rejects with. It must say what was got and what was expected. */
async function refusal(act: () => unknown): Promise<string> {
  let result: unknown;
  try {
    result = await act();
  } catch (error) {
    if (!isAttentionError(error)) throw error;
    expect(error.message).toMatch(/got|is /);
    expect(error.message).toMatch(/expected/);
    return `${error.code} ${error.message}`;
  }
  throw new Error(`it was accepted: ${typeof result}`);
}

describe.each(Object.entries(made))("on %s", (name, make) => {
  const b = make();
  const up = (shape: number[], ...x: number[]) => b.upload(Float32Array.from(x), shape);
  const x = up([2, 2], 1, 0, 0, 1);
  const v = up([2, 1], 3, 5);
  const mask = b.upload(Uint8Array.of(1, 0, 1, 1), [2, 2]);
  const attend = attention(softmax(), b);
  const good = { q: x, k: x, v };

  /** The call awaited, which must reject and not throw, and at once where the backend can. */
  async function refused(block: unknown, code: RegExp, ...more: unknown[]): Promise<void> {
    const call = attend as unknown as (...args: unknown[]) => Promise<unknown>;
    const promise = call(block, ...more);
    expect(await refusal(() => promise)).toMatch(code);
    if (b.ops) expect(await refusal(() => (attend.sync as unknown as typeof call)(block, ...more))).toMatch(code);
  }

  test.each([
    ["attn_mask", /mask, which is boolean, or bias/],
    ["attentionMask", /mask, which is boolean, or bias/],
    ["key_mask", /keyMask/],
    ["keymask", /keyMask/],
    ["key_padding_mask", /keyMask/],
    ["Mask", /mean mask/],
    ["past_key_values", /mean state/],
    ["causal", /option of attention/],
    ["lse", /option of attention/],
    ["scale", /expected the entries q, k, v/],
  ])("a block with %s", async (entry, says) => {
    await refused({ ...good, [entry]: mask }, /^ATTN_OPTION/);
    await refused({ ...good, [entry]: mask }, says);
    await refused({ ...good, [entry]: undefined }, /^ATTN_OPTION/);
  });

  test("entries that are undefined are as if they were not there", async () => {
    const none = { mask: undefined, bias: undefined, keyMask: undefined, state: undefined };
    const { state } = await attend({ ...good, ...none });
    const first = await b.download((await attend({ ...good, state })).y);
    const again = await attend({ ...good, ...none, state: { ...state, keep: undefined } as never });
    expect(await b.download(again.y)).toEqual(first);
  });

  test.each(["q", "k", "v"])("a block without %s", async (entry) => {
    await refused({ ...good, [entry]: undefined }, /^ATTN_DATA/);
    const { [entry as "q"]: _, ...rest } = good;
    await refused(rest, /^ATTN_DATA/);
  });

  for (const [what, thing] of Object.entries(foreign))
    test.each(["q", "k", "v", "mask", "bias", "keyMask"])(`${what} as %s`, async (entry) => {
      await refused({ ...good, [entry]: thing }, new RegExp(`^ATTN_DATA .*${entry}`));
    });

  test("floats as mask are refused", async () => {
    const hidden = await b.download((await attend({ ...good, mask })).y);
    const floats = up([2, 2], 1, 0, 1, 1);
    await refused({ ...good, mask: floats }, /^ATTN_DATA .*mask .*An additive mask is bias/);
    await refused({ ...good, keyMask: up([2], 1, 1) }, /^ATTN_DATA .*keyMask .*expected booleans/);
    for (const name of ["q", "k", "v", "bias"]) await refused({ ...good, [name]: mask }, /^ATTN_DATA .*/);
    const { y } = await attend({ ...good, bias: up([2, 2], 0, Number.NEGATIVE_INFINITY, 0, 0) });
    expect(await b.download(y)).toEqual(hidden);
  });

  test("arrays: the message says how to upload them", async () => {
    await refused({ q: [[1, 2]], k: [[1, 2]], v: [[1, 2]] }, /upload\(\[\[1, 2\], \[3, 4\]\]\)/);
  });

  test("tensors of other backends", async () => {
    for (const [other, create] of Object.entries(made)) {
      if (other.split(/[:-]/)[0] === name.split(/[:-]/)[0]) continue;
      const theirs = create().upload(Float32Array.of(1, 2, 3, 4), [2, 2]);
      for (const entry of ["q", "k", "v", "mask", "bias", "keyMask"])
        await refused({ ...good, [entry]: theirs }, new RegExp(`^ATTN_DATA .*${entry}`));
      await refused({ ...good, state: { k: theirs, v: theirs } }, /^ATTN_DATA .*state\.k/);
      expect(await refusal(() => b.download(theirs))).toMatch(/^ATTN_DATA/);
      expect(await refusal(() => b.free(theirs))).toMatch(/^ATTN_DATA/);
      expect(await refusal(() => b.shape(theirs))).toMatch(/^ATTN_DATA/);
    }
    for (const thing of Object.values(foreign)) {
      expect(await refusal(() => b.download(thing))).toMatch(/^ATTN_DATA/);
      expect(await refusal(() => b.free(thing))).toMatch(/^ATTN_DATA/);
    }
  });

  test("blocks that are none", async () => {
    await refused(undefined, /^ATTN_DATA .*one object/);
    await refused(null, /^ATTN_DATA .*one object/);
    await refused(x, /^ATTN_DATA .*one object/, x, v);
    await refused([x, x, v], /^ATTN_DATA .*one object/);
    await refused(good, /^ATTN_DATA .*Options belong to attention/, { causal: true });
    const results = await Promise.all([good, good].map(attend));
    expect(results).toHaveLength(2);
  });

  test("states that are none", async () => {
    const result = await attend(good);
    await refused({ ...good, state: result }, /^ATTN_STATE .*whole result/);
    await refused({ ...good, state: attend(good) }, /^ATTN_STATE .*awaited/);
    for (const state of [null, 1, "k", [x, x], new Float32Array(2)]) await refused({ ...good, state }, /^ATTN_STATE/);
    await refused({ ...good, state: { k: null, v: null } }, /^ATTN_DATA .*state\.k/);
    await refused({ ...good, state: { k: [1], v: [1] } }, /^ATTN_DATA .*state\.k/);
    await refused({ ...good, state: { ...result.state, extra: x } }, /^ATTN_STATE .*extra/);
    await refused({ ...good, state: { k: result.state.k, v: undefined } }, /^ATTN_STATE .*no entry v/);
  });

  test("merge", async () => {
    const result = await attend(good);
    const { state } = result;
    const wide = await attend({ q: up([1, 1], 1), k: up([1, 1], 1), v: up([1, 1], 1) });
    const merge = attend.merge as (...args: unknown[]) => Promise<unknown>;
    for (const other of [undefined, null, x, result, { k: state.k }, {}, [state], wide.state]) {
      expect(await refusal(() => merge(state, other))).toMatch(/^ATTN_(STATE|DATA)/);
      expect(await refusal(() => merge(other, state))).toMatch(/^ATTN_(STATE|DATA)/);
    }
    // A state of one batch would be broadcast to the other's batches without a word.
    const sums = attention(linear(), b);
    const of = async (B: number) => {
      const t = b.upload(new Float32Array(B * 2).fill(1), [B, 1, 1, 2]);
      return (await sums({ q: t, k: t, v: t })).state;
    };
    const [one, two] = [await of(1), await of(2)];
    expect(await refusal(() => sums.merge(one, two))).toMatch(/^ATTN_STATE .*same sizes/);
    expect(await refusal(() => sums.merge(two, one))).toMatch(/^ATTN_STATE .*same sizes/);
  });

  test("mergeOutputs", async () => {
    const logs = attention(softmax(), b, { lse: true });
    const [whole, bare] = [await logs(good), await attend(good)];
    const merge = logs.mergeOutputs as (...args: unknown[]) => Promise<unknown>;
    const others = [undefined, null, bare, x, {}, { y: whole.y }, { y: whole.y, lse: [1] }, { ...whole, weight: 1 }];
    for (const other of [...others, { y: whole.y, lse: up([1], 1) }, { y: up([1, 1], 1), lse: up([1], 1) }]) {
      expect(await refusal(() => merge(whole, other))).toMatch(/^ATTN_(DATA|OPTION|SHAPE)/);
      expect(await refusal(() => merge(other, whole))).toMatch(/^ATTN_(DATA|OPTION|SHAPE)/);
    }
    expect(await refusal(() => merge(bare, bare))).toMatch(/lse: true/);
    expect(Object.keys((await merge(whole, whole)) as object)).toEqual(["y", "lse"]);
  });

  test("upload", async () => {
    const upload = b.upload as (...args: unknown[]) => unknown;
    for (const data of [undefined, null, [1, "2"], new Int32Array(2), new BigInt64Array(2), "xy", 1, x, {}])
      expect(await refusal(() => upload(data, [2]))).toMatch(/^ATTN_DATA/);
    for (const shape of [undefined, null, 2, "2", {}, [-2], [1.5], [2, undefined]])
      expect(await refusal(() => upload(new Float32Array(2), shape))).toMatch(/^ATTN_SHAPE/);
    expect(await refusal(() => upload(new Float32Array(2), [3]))).toMatch(/^ATTN_DATA/);
    expect(await refusal(() => upload([2], new Float32Array(2)))).toMatch(/^ATTN_SHAPE/);
    expect(await refusal(() => upload(new Float32Array(2)))).toMatch(/^ATTN_SHAPE .*shape/);
  });

  test("options of attention", async () => {
    const bad: readonly [unknown, RegExp][] = [
      [{ isCausal: true }, /mean causal/],
      [{ is_causal: true }, /mean causal/],
      [{ casual: true }, /mean causal/],
      [{ kernel: "never" }, /mean kernels/],
      [{ dropout: 0.1 }, /causal, lse, state, kernels/],
      [{ unknown: undefined }, /unknown/],
      ...["always", "yes", true, null, 1].map((kernels) => [{ kernels }, /kernels/] as [unknown, RegExp]),
      ...["yes", 1, 0, null].map((lse) => [{ lse }, /lse/] as [unknown, RegExp]),
      ...["yes", 1, 0, null, {}].map((state) => [{ state }, /state/] as [unknown, RegExp]),
      ...["true", 1, 0, null, "start"].map((causal) => [{ causal }, /causal/] as [unknown, RegExp]),
      ...[null, true, "causal", [], 1].map((all) => [all, /options/] as [unknown, RegExp]),
    ];
    for (const [options, says] of bad) {
      // It throws at once: a faulty option is known before any call.
      const text = await refusal(() => void attention(softmax(), b, options as AttentionOptions));
      expect(text).toMatch(/^ATTN_OPTION/);
      expect(text).toMatch(says);
    }
    const unset = attention(softmax(), b, { causal: undefined, lse: undefined, kernels: undefined } as never);
    expect((await unset(good)).lse).toBeUndefined();
  });

  test("what is no mechanism or no backend", async () => {
    const make = attention as (...args: unknown[]) => unknown;
    expect(await refusal(() => make(softmax, b))).toMatch(/^ATTN_OPTION .*softmax\(\)/);
    expect(await refusal(() => make(softmax(), cpu))).toMatch(/^ATTN_OPTION .*cpu\(\)/);
    for (const thing of [undefined, null, "softmax", 1, {}, Promise.resolve()]) {
      expect(await refusal(() => make(thing, b))).toMatch(/^ATTN_OPTION/);
      expect(await refusal(() => make(softmax(), thing))).toMatch(/^ATTN_OPTION/);
    }
    expect(await refusal(() => make(b, softmax()))).toMatch(/^ATTN_OPTION/);
  });
});

test("tensors that were disposed: tfjs", async () => {
  const b = tfjs({ tf });
  const [gone, kept] = [b.upload(new Float32Array(4), [2, 2]), b.upload(new Float32Array(4), [2, 2])];
  gone.dispose();
  const attend = attention(softmax(), b);
  const blocks: Block<tf.Tensor>[] = ["q", "k", "v", "mask", "bias"].map((n) => ({
    ...{ q: kept, k: kept, v: kept },
    [n]: gone,
  }));
  for (const block of [...blocks, { q: kept, k: kept, v: kept, state: { k: gone, v: gone } }]) {
    expect(await refusal(() => attend(block))).toMatch(/^ATTN_DATA .*disposed/);
    expect(await refusal(() => attend.sync(block))).toMatch(/^ATTN_DATA .*disposed/);
  }
  // A call that was right before is checked again.
  await attend({ q: kept, k: kept, v: kept });
  kept.dispose();
  expect(await refusal(() => attend({ q: kept, k: kept, v: kept }))).toMatch(/^ATTN_DATA .*disposed/);
  expect(await refusal(() => b.download(gone))).toMatch(/^ATTN_DATA .*disposed/);
  b.free(gone);
});

test("tensors that were disposed: ONNX Runtime", async () => {
  const b = onnx({ ort });
  const x = b.upload(new Float32Array(4), [2, 2]);
  const attend = attention(softmax(), b);
  await attend({ q: x, k: x, v: x });
  b.free(x);
  expect(await refusal(() => attend({ q: x, k: x, v: x }))).toMatch(/^ATTN_DATA .*disposed/);
  expect(await refusal(() => b.download(x))).toMatch(/^ATTN_DATA .*disposed/);
  b.free(x);
});

test("a cpu array with another number of values than its shape says", async () => {
  const q = { shape: [2, 2], data: new Float32Array(3) };
  expect(await refusal(() => attention(softmax(), cpu())({ q, k: q, v: q }))).toMatch(/^ATTN_DATA/);
});

describe("backends and files", () => {
  const form = { form: "prefill", dims: { Hq: 1, d: 2 } } as const;
  const acts: readonly [string, (...args: never[]) => unknown, readonly unknown[][]][] = [
    ["cpu", cpu, [[{ dtype: "float16" }], [{ dtype: null }], [{ type: "float32" }], [null], ["float64"]]],
    ["tfjs", tfjs, [[], [null], [{}], [{ tf: undefined }], [tf], [{ tf: import("@tensorflow/tfjs-core") }]]],
    ["tfjs, more", tfjs, [[{ tf, backend: "webgpu" }]]],
    [
      "onnx",
      onnx,
      [[], [null], [{}], [{ ort: undefined }], [ort], [{ ort: {} }], [{ ort: import("onnxruntime-node") }]],
    ],
    ["onnx, more", onnx, [[{ ort, dtype: "float16" }], [{ ort, executionProvider: ["cpu"] }]]],
    [
      "onnx, values",
      onnx,
      [[{ ort, executionProviders: "cpu" }], [{ ort, maxSessions: 0 }], [{ ort, sessionOptions: 1 }]],
    ],
    [
      "exportOnnx",
      exportOnnx,
      [[], [softmax, form], [softmax()], [softmax(), null], [softmax(), { ...form, isCausal: true }]],
    ],
    ["exportOnnx, sizes", exportOnnx, [[softmax(), { ...form, dims: { ...form.dims, heads: 2 } }]]],
  ];
  test.each(acts)("%s", async (_, act, calls) => {
    for (const args of calls) expect(await refusal(() => void act(...(args as never[])))).toMatch(/^ATTN_OPTION/);
  });
});
