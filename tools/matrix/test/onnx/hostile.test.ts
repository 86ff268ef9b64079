import { attention, type Block, isAttentionError, type Mechanism, type State } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { elementwise } from "@attnkit/elementwise";
import { linear } from "@attnkit/linear";
import { type OnnxBackend, onnx } from "@attnkit/onnx";
import { softmax } from "@attnkit/softmax";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";

const backend = onnx({ ort, sessionOptions: { intraOpNumThreads: 1, interOpNumThreads: 1 } });
/** Makes states, so that the sessions of the other are those of the calls that are tested. */
const maker = onnx({ ort, sessionOptions: { intraOpNumThreads: 1, interOpNumThreads: 1 } });
afterAll(() => Promise.all([backend.release(), maker.release()]));

const numbers = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(2.3 * i));
const up = (...shape: number[]) => backend.upload(numbers(shape.reduce((a, b) => a * b, 1)), shape);
const block = (): Block<ort.Tensor> => ({ q: up(2, 3, 2, 4), k: up(2, 3, 2, 4), v: up(2, 3, 2, 4) });

async function code(act: () => unknown): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return isAttentionError(error) ? error.code : error;
  }
  return "accepted";
}

/** The same call before and after, on the same backend: the same numbers from the same session. */
async function unharmed(on: OnnxBackend, mechanism: Mechanism, hostile: () => unknown): Promise<unknown> {
  const attend = attention(mechanism, on, { causal: true });
  const before = await on.download((await attend(block())).y);
  const sessions = on.sessions;
  const result = await code(hostile);
  expect([...(await on.download((await attend(block())).y))]).toEqual([...before]);
  expect(on.sessions).toBe(sessions);
  return result;
}

describe.each([
  ["softmax", softmax()],
  ["linear", linear()],
])("%s refuses by code, and goes on", (_, mechanism) => {
  const attend = attention(mechanism, backend, { causal: true });
  const other = mechanism.name === "softmax" ? linear() : softmax();
  const whole = new ort.Tensor("int32", new Int32Array(48), [2, 3, 2, 4]);
  const half = new ort.Tensor("float16", new Uint16Array(48), [2, 3, 2, 4]);
  const bools = new ort.Tensor("bool", new Uint8Array(48), [2, 3, 2, 4]);
  const double = new ort.Tensor("float64", new Float64Array(48), [2, 3, 2, 4]);
  const disposed = () => {
    const x = up(2, 3, 2, 4);
    x.dispose();
    return x;
  };
  const stateOf = async (m: Mechanism): Promise<State<ort.Tensor>> => (await attention(m, maker)(block())).state;
  const gone = async () => {
    const state = await stateOf(mechanism);
    for (const x of Object.values(state)) x.dispose();
    return state;
  };

  test.each([
    ["whole numbers", "ATTN_DATA", () => attend({ ...block(), q: whole })],
    ["half floats", "ATTN_DATA", () => attend({ ...block(), k: half })],
    ["doubles", "ATTN_DATA", () => attend({ ...block(), v: double })],
    ["booleans for values", "ATTN_DATA", () => attend({ ...block(), v: bools })],
    [
      "a key mask of whole numbers",
      "ATTN_DATA",
      () => attend({ ...block(), keyMask: new ort.Tensor("int32", new Int32Array(4), [2, 2]) }),
    ],
    ["rank 1", "ATTN_SHAPE", () => attend({ ...block(), q: up(48) })],
    ["rank 5", "ATTN_SHAPE", () => attend({ ...block(), q: up(1, 2, 3, 2, 4) })],
    ["ranks that differ", "ATTN_SHAPE", () => attend({ ...block(), k: up(3, 2, 4) })],
    ["channels that differ", "ATTN_SHAPE", () => attend({ ...block(), k: up(2, 3, 2, 5) })],
    ["a disposed query", "ATTN_DATA", () => attend({ ...block(), q: disposed() })],
    ["a disposed state", "ATTN_DATA", async () => attend({ ...block(), state: await gone() })],
    ["the state of another mechanism", "ATTN_STATE", async () => attend({ ...block(), state: await stateOf(other) })],
    [
      "a state of other sizes",
      "ATTN_STATE",
      async () => attend({ ...block(), q: up(2, 3, 2, 8), k: up(2, 3, 2, 8), state: await stateOf(mechanism) }),
    ],
    [
      "merging it with another",
      "ATTN_STATE",
      async () => attend.merge(await stateOf(mechanism), await stateOf(elementwise())),
    ],
    [
      "a tensor of another backend",
      "ATTN_DATA",
      () => attend({ ...block(), q: cpu().upload(numbers(48), [2, 3, 2, 4]) as never }),
    ],
    ["no tensor", "ATTN_DATA", () => attend({ ...block(), v: null as never })],
    ["a call at once", "ATTN_UNSUPPORTED", () => attend.sync(block())],
    ["download of whole numbers", "ATTN_DATA", () => backend.download(whole)],
    ["download of what is disposed", "ATTN_DATA", () => backend.download(disposed())],
    ["upload of 16-bit integers", "ATTN_DATA", () => backend.upload(new Int16Array(2) as never, [2])],
    ["upload of a wrong length", "ATTN_DATA", () => backend.upload(new Float32Array(3), [2])],
    ["upload of a negative size", "ATTN_SHAPE", () => backend.upload(new Float32Array(3), [-3])],
  ] as const)("%s", async (_, expected, act) => {
    expect(await unharmed(backend, mechanism, act)).toBe(expected);
  });

  test("sizes of 0 are answered", async () => {
    for (const [B, Hq, Hkv, L, S] of [
      [0, 2, 1, 3, 3],
      [2, 0, 0, 3, 3],
      [2, 2, 1, 0, 3],
      [2, 2, 1, 3, 0],
    ] as const) {
      const { y } = await attention(
        mechanism,
        backend,
      )({ q: up(B, Hq, L, 4), k: up(B, Hkv, S, 4), v: up(B, Hkv, S, 5) });
      expect(y.dims).toEqual([B, Hq, L, 5]);
      expect([...(await backend.download(y))].every((x) => S > 0 || x === 0)).toBe(true);
    }
    expect(await code(() => attend({ q: up(1, 1, 2, 0), k: up(1, 1, 2, 0), v: up(1, 1, 2, 3) }))).toBe("ATTN_SHAPE");
  });
});

test("a provider that this build does not have is refused by name, and another backend goes on", async () => {
  const none = onnx({ ort, executionProviders: ["webnn"] });
  const refused = await attention(linear(), none)(block()).catch((error) => error);
  expect(isAttentionError(refused, "ATTN_UNSUPPORTED"), String(refused)).toBe(true);
  expect(refused.message).toMatch(/provider webnn/);
  expect(none.sessions).toBe(0);
  expect((await attention(linear(), backend)(block())).y.dims).toEqual([2, 3, 2, 4]);
});
