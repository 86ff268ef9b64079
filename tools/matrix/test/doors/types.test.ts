import {
  type Attention,
  type AttentionOptions,
  attention,
  type Backend,
  type Mechanism,
  type State,
} from "@attnkit/core";
import { cpu, type NdArray } from "@attnkit/cpu";
import { linear } from "@attnkit/linear";
import { softmax } from "@attnkit/softmax";
import { softmax as softmaxOnnx } from "@attnkit/softmax/onnx";
import { expect, test } from "vitest";

const b = cpu();
const x = b.upload([[1, 2]]);
const block = { q: x, k: x, v: x };

test("the type of a result has lse and state where the options say so", async () => {
  const lse: NdArray = (await attention(softmax(), b, { lse: true })(block)).lse;
  const state = (await attention(softmax(), b)(block)).state;
  const k: NdArray = attention(softmax(), b, { lse: true }).sync({ ...block, state }).state.k!;
  expect([b.shape(lse), b.shape(k)]).toEqual([[1], [1, 1, 2, 2]]);

  // @ts-expect-error lse was not asked for
  expect((await attention(softmax(), b)(block)).lse).toBeUndefined();
  // @ts-expect-error lse was not asked for
  expect((await attention(softmax(), b, { lse: false, causal: true })(block)).lse).toBeUndefined();
  // @ts-expect-error there is no state
  expect((await attention(softmax(), b, { state: false })(block)).state).toEqual({});
  // @ts-expect-error a name that attention does not have
  expect(() => attention(softmax(), b, { casual: true })).toThrow(/causal/);
  // @ts-expect-error a typed array has no shape of its own
  expect(() => b.upload(new Float32Array(2))).toThrow(/shape/);

  // Options that are known when the program runs: lse may be there.
  const options: AttentionOptions = { lse: true };
  const result = await attention(softmax(), b, options)(block);
  const maybe: NdArray | undefined = result.lse;
  // @ts-expect-error it may be missing
  const sure: NdArray = result.lse;
  expect([maybe, result.state.k]).toEqual([sure, k && result.state.k]);
});

test("the type of downloaded data follows the float type of the backend", async () => {
  const single: Float32Array | Uint8Array = await b.download(x);
  const doubles = cpu({ dtype: "float64" });
  const double: Float64Array | Uint8Array = await doubles.download(doubles.upload([[1, 2]]));
  // @ts-expect-error a float32 backend gives no Float64Array
  const wrong: Float64Array | Uint8Array = single;
  expect([single.constructor.name, double.constructor.name, wrong]).toEqual(["Float32Array", "Float64Array", single]);
});

test("the type of a state knows its mechanism by name", async () => {
  const [soft, lin] = [attention(softmax(), b), attention(linear(), b)];
  const [{ state }, { state: folded }] = [await soft(block), await lin(block)];
  const foreign = { code: "ATTN_STATE" };

  // @ts-expect-error a state of softmax
  await expect(lin({ ...block, state })).rejects.toMatchObject(foreign);
  // @ts-expect-error a state of softmax, copied
  expect(() => lin.sync({ ...block, state: { ...state } })).toThrow(/of another mechanism/);
  // @ts-expect-error the states of two mechanisms
  await expect(soft.merge(state, folded)).rejects.toMatchObject(foreign);
  // @ts-expect-error the states of two mechanisms
  await expect(lin.merge(state, folded)).rejects.toMatchObject(foreign);
  // @ts-expect-error a variable for the states of linear
  const kept: State<NdArray, "linear"> = state;
  // @ts-expect-error an attention takes the states of its own mechanism
  const other: Attention<NdArray, AttentionOptions, "linear"> = soft;
  expect([kept, other]).toEqual([state, soft]);

  // The same mechanism, from each of its entries and with each of its options.
  const { state: next } = await attention(softmaxOnnx({ scale: 2 }), b)({ ...block, state });
  const merged: State<NdArray, "softmax"> = await soft.merge(state, next);
  expect(b.shape(soft.sync({ ...block, state: merged }).state.k!)).toEqual([1, 1, 4, 2]);
});

test("types that name no mechanism take any, and a record of tensors becomes a state", async () => {
  const soft = attention(softmax(), b);
  const mechanisms: readonly Mechanism[] = [softmax(), linear()];
  const backend: Backend<unknown> = b;
  for (const attend of mechanisms.map((m): Attention<unknown> => attention(m, backend))) {
    let state: State<unknown> | undefined;
    for (let i = 0; i < 2; i++) ({ state } = await attend({ ...block, state }));
    expect(Object.keys(state ?? {})).toHaveLength(2);
  }
  const attends: readonly Attention<NdArray>[] = [soft, attention(linear(), b)];
  expect(attends.map(({ mechanism }) => mechanism.name)).toEqual(["softmax", "linear"]);

  // A state that was read from a file: its entries and shapes are checked, not its mechanism.
  const x4 = b.upload([[[[1, 2]]]]);
  const read: Record<string, NdArray> = { k: x4, v: x4 };
  expect(b.shape((await soft({ ...block, state: read })).state.k!)).toEqual([1, 1, 2, 2]);
  const named: State<NdArray, "softmax"> = read;
  // @ts-expect-error it has a mechanism now
  await expect(attention(linear(), b)({ ...block, state: named })).rejects.toMatchObject({ code: "ATTN_STATE" });
  // A state whose type names no mechanism goes everywhere, and is checked when it gets there.
  const any: State<NdArray> = (await soft(block)).state;
  await expect(attention(linear(), b)({ ...block, state: any })).rejects.toMatchObject({ code: "ATTN_STATE" });
  // @ts-expect-error tensors of another backend
  await expect(soft({ ...block, state: { k: 1, v: 1 } })).rejects.toMatchObject({ code: "ATTN_DATA" });
});
