import { type AttentionOptions, attention } from "@attnkit/core";
import { cpu, type NdArray } from "@attnkit/cpu";
import { softmax } from "@attnkit/softmax";
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
