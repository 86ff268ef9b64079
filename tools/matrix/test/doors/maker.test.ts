import { attention, type Backend, isAttentionError, type Mechanism, type State } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { elementwise } from "@attnkit/elementwise";
import { linear } from "@attnkit/linear";
import { logsumexp } from "@attnkit/logsumexp";
import { onnx } from "@attnkit/onnx";
import { polynomial } from "@attnkit/polynomial";
import { softmax } from "@attnkit/softmax";
import { softmax as softmaxOnnx } from "@attnkit/softmax/onnx";
import { tfjs } from "@attnkit/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-node";
import "@tensorflow/tfjs-backend-cpu";
import { describe, expect, test } from "vitest";

type Any = Backend<unknown>;
const backends: readonly (readonly [string, Any])[] = [
  ["cpu", cpu() as Any],
  ["tfjs-cpu", tfjs({ tf }) as Any],
  ["ort-cpu", onnx({ ort }) as Any],
];

/** Pairs of mechanisms whose states have the same entries and shapes for d = dv = 2. */
const others: readonly (readonly [string, Mechanism, Mechanism])[] = [
  ["feature maps", linear(), linear({ featureMap: "relu" })],
  ["softmax and quadratic polynomial", softmax(), polynomial({ form: "quadratic" })],
  ["softmax and exact elementwise", softmax(), elementwise({ order: "exact" })],
  ["log values", logsumexp(), logsumexp({ logValues: true })],
  ["coefficients", polynomial({ coefficients: [1, 0, 1] }), polynomial({ coefficients: [1, 0, 2] })],
];

/** Pairs that read a state alike. */
const same: readonly (readonly [string, Mechanism, Mechanism])[] = [
  ["a default that is written out", elementwise(), elementwise({ order: 6 })],
  ["power and coefficients", polynomial(), polynomial({ coefficients: [0, 0, 1] })],
  ["scales of softmax", softmax(), softmax({ scale: 0.5, window: [1, 0] })],
  ["scales of linear", linear(), linear({ scale: 2 })],
  ["two entries of one package", softmax(), softmaxOnnx()],
];

/** The message of the refusal with its code; throws where the act is accepted. */
async function refusal(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (isAttentionError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  throw new Error("it was accepted");
}

describe.each(backends)("on %s", (_, b) => {
  const up = (...x: number[]) => b.upload(Float32Array.from(x), [x.length / 2, 2]);
  const block = { q: up(1, 0, 0.5, 1), k: up(1, 0, 0.25, 1), v: up(3, 5, 0.5, 1) };

  test.each(others)("a state of another maker is refused: %s", async (_, first, second) => {
    const [a, z] = [attention(first, b), attention(second, b)];
    const [{ state }, { state: own }] = [await a(block), await z(block)];
    const says = /^ATTN_STATE .*state is of another mechanism; got .* expected /;
    expect(await refusal(() => z({ ...block, state }))).toMatch(says);
    expect(await refusal(() => z({ ...block, state: { ...state } }))).toMatch(says);
    if (b.ops) expect(await refusal(() => z.sync({ ...block, state }))).toMatch(says);
    expect(await refusal(() => z.merge(state, own))).toMatch(/^ATTN_STATE .*\ba is of another/);
    expect(await refusal(() => z.merge(own, state))).toMatch(/^ATTN_STATE .*\bb is of another/);
    const merged = await a.merge(state, state);
    expect(await refusal(() => z({ ...block, state: merged }))).toMatch(says);
    // A next step keeps the mark, and a call at once makes one.
    const { state: later } = await a({ ...block, state });
    expect(await refusal(() => z({ ...block, state: later }))).toMatch(says);
    if (b.ops) expect(await refusal(() => z({ ...block, state: a.sync(block).state }))).toMatch(says);
  });

  test.each(same)("a state is taken where it means the same: %s", async (_, first, second) => {
    const [a, z] = [attention(first, b), attention(second, b)];
    const { state } = await a(block);
    const want = await b.download((await z({ ...block, state: (await z(block)).state })).y);
    expect(await b.download((await z({ ...block, state })).y)).toEqual(want);
    expect(Object.keys(await z.merge(state, state))).toEqual(Object.keys(state));
  });

  test("a state that was rebuilt by hand has no maker: its entries and shapes are checked", async () => {
    const [a, z] = [attention(linear(), b), attention(linear({ featureMap: "relu" }), b)];
    const { state } = await a(block);
    const entries = Object.entries(state).map(
      async ([n, t]) => [n, b.upload(await b.download(t), b.shape(t))] as const,
    );
    const rebuilt: State<unknown> = Object.fromEntries(await Promise.all(entries));
    const want = await b.download((await a({ ...block, state })).y);
    expect(await b.download((await a({ ...block, state: rebuilt })).y)).toEqual(want);
    await z({ ...block, state: rebuilt });
    expect(JSON.stringify(Object.keys(state))).toBe('["s","z"]');
  });

  test("a given state is not marked: it may be frozen, and an empty one is none", async () => {
    const a = attention(softmax(), b, { state: false });
    const given = Object.freeze({
      k: b.upload(new Float32Array(4), [1, 1, 2, 2]),
      v: b.upload(new Float32Array(4), [1, 1, 2, 2]),
    });
    expect(await a({ ...block, state: given })).toMatchObject({ state: {} });
    const marked = await attention(softmax(), b)({ ...block, state: given });
    expect(Object.getOwnPropertySymbols(given)).toEqual([]);
    expect(Object.getOwnPropertySymbols(marked.state)).toHaveLength(1);
  });
});
