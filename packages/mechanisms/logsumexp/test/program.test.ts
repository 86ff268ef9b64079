import { attention, isAttentionError } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { expect, test } from "vitest";
import { logsumexp } from "../src/index.ts";

const backend = cpu({ dtype: "float64" });
const draw = (seed: number, n: number, d: number) =>
  Float64Array.from({ length: n * d }, (_, i) => Math.sin(seed + 1.9 * i));
const [q, k, v] = [draw(1, 40, 3), draw(2, 40, 3), draw(3, 40, 2)];

test("log V in, log Y out is the logarithm of V in, Y out", async () => {
  const block = { q: backend.upload(q, [40, 3]), k: backend.upload(k, [40, 3]) };
  const logs = await attention(logsumexp({ logValues: true }), backend, { causal: true })({
    ...block,
    v: backend.upload(v, [40, 2]),
  });
  const plain = await attention(logsumexp(), backend, { causal: true })({
    ...block,
    v: backend.upload(v.map(Math.exp), [40, 2]),
  });
  plain.y.data.forEach((y, i) => {
    expect(logs.y.data[i]).toBeCloseTo(Math.log(y), 12);
  });
});

test("log V of -Infinity is V = 0", async () => {
  const one = (x: number) => backend.upload(Float64Array.of(x), [1, 1]);
  const { y } = await attention(
    logsumexp({ logValues: true }),
    backend,
  )({ q: one(0), k: one(0), v: one(Number.NEGATIVE_INFINITY) });
  expect(y.data[0]).toBe(Number.NEGATIVE_INFINITY);
});

test("the state is the paper's: H^Z = m + log z and H^S = m + log s", async () => {
  const { state } = await attention(logsumexp(), backend, { causal: true })({
    q: backend.upload(q, [40, 3]),
    k: backend.upload(k, [40, 3]),
    v: backend.upload(v.map(Math.exp), [40, 2]),
  });
  for (let c = 0; c < 3; c++) {
    const column = Array.from({ length: 40 }, (_, j) => k[j * 3 + c]!);
    const hz = Math.log(column.reduce((n, x) => n + Math.exp(x), 0));
    expect(state.m!.data[c]! + Math.log(state.z!.data[c]!)).toBeCloseTo(hz, 12);
    const hs = Math.log(column.reduce((n, x, j) => n + Math.exp(x + v[j * 2 + 1]!), 0));
    expect(state.m!.data[c]! + Math.log(state.s!.data[c * 2 + 1]!)).toBeCloseTo(hs, 12);
  }
});

test.each<[string, object]>([
  ["logValues", { logValues: 1 }],
  ["scale", { scale: 1 }],
])("option %s in %o is refused", (name, options) => {
  try {
    logsumexp(options);
    expect.unreachable();
  } catch (error) {
    expect(isAttentionError(error, "ATTN_OPTION") && error.message.includes(name)).toBe(true);
  }
});
