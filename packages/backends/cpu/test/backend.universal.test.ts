import { isAttentionError } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { describe, expect, test } from "vitest";

const backend = cpu();
const o = backend.ops;
const x = o.constant([1, 2, 3, 4, 5, 6], [2, 3]);

describe("cpu", () => {
  test("says what it is", () => {
    expect(backend).toMatchObject({ name: "cpu", kind: "cpu", dtype: "float32", supports: { gradients: true } });
    expect(backend.device).toContain("JavaScript");
    expect(cpu({ dtype: "float64" }).dtype).toBe("float64");
  });

  test("uploads into its float type and downloads it again", async () => {
    const wide = cpu({ dtype: "float64" });
    expect(await backend.download(backend.upload(Float64Array.of(0.1, 2), [2]))).toEqual(Float32Array.of(0.1, 2));
    expect(await wide.download(wide.upload(Float64Array.of(0.1, 2), [1, 2]))).toEqual(Float64Array.of(0.1, 2));
    expect(await wide.download(wide.upload(Float32Array.of(0.1), []))).toEqual(Float64Array.of(Math.fround(0.1)));
  });

  test("bytes stay booleans, 0 and 1", async () => {
    expect(await backend.download(backend.upload(Uint8Array.of(0, 1, 7), [3]))).toEqual(Uint8Array.of(0, 1, 1));
  });

  test("shares no memory with the caller", async () => {
    for (const data of [Float32Array.of(1, 2), Uint8Array.of(1, 1)]) {
      const up = backend.upload(data, [2]);
      const down = await backend.download(up);
      data[0] = 0;
      down[1] = 0;
      expect([...(await backend.download(up))]).toEqual([1, data instanceof Uint8Array ? 1 : 2]);
    }
    const shape = [2];
    const up = backend.upload(Float32Array.of(1, 2), shape);
    shape[0] = 1;
    expect(backend.shape(up)).toEqual([2]);
  });

  test("compiles to a call of the program", async () => {
    const run = backend.compile((o, { a }) => ({ y: o.add(a!, a!) }));
    expect([...(await run({ a: x })).y!.data]).toEqual([2, 4, 6, 8, 10, 12]);
  });

  const y = o.constant([1, 2, 3, 4], [2, 2]);
  test.each([
    ["broadcast", "ATTN_SHAPE", () => o.add(x, y)],
    ["broadcast, mask", "ATTN_SHAPE", () => o.where(x, y, 0)],
    ["broadcast, batch", "ATTN_SHAPE", () => o.matmul(o.constant([1, 2], [2, 1, 1]), o.constant([1, 2, 3], [3, 1, 1]))],
    ["axis too large", "ATTN_SHAPE", () => o.sum(x, 2)],
    ["axis too small", "ATTN_SHAPE", () => o.max(x, -3)],
    ["axis of a scalar", "ATTN_SHAPE", () => o.cumsum(o.constant([1], []), 0)],
    ["axis not whole", "ATTN_SHAPE", () => o.sum(x, 0.5)],
    ["slice past the end", "ATTN_SHAPE", () => o.slice(x, 1, 0, 4)],
    ["slice backwards", "ATTN_SHAPE", () => o.slice(x, 1, 2, 1)],
    ["slice from below", "ATTN_SHAPE", () => o.slice(x, 1, -1, 1)],
    ["take past the end", "ATTN_SHAPE", () => o.take(x, 0, [2])],
    ["take from below", "ATTN_SHAPE", () => o.take(x, 0, [-1])],
    ["concat of nothing", "ATTN_SHAPE", () => o.concat([], 0)],
    ["concat of other sizes", "ATTN_SHAPE", () => o.concat([x, y], 0)],
    ["concat of other ranks", "ATTN_SHAPE", () => o.concat([x, o.constant([1, 2], [2])], 0)],
    ["reshape to another size", "ATTN_SHAPE", () => o.reshape(x, [4])],
    ["reshape, no whole -1", "ATTN_SHAPE", () => o.reshape(x, [4, -1])],
    ["reshape, two -1", "ATTN_SHAPE", () => o.reshape(x, [-1, -1])],
    ["reshape, -1 beside 0", "ATTN_SHAPE", () => o.reshape(x, [0, -1])],
    ["reshape to a negative size", "ATTN_SHAPE", () => o.reshape(x, [-2, -3])],
    ["transpose, axis twice", "ATTN_SHAPE", () => o.transpose(x, [0, 0])],
    ["transpose, axis missing", "ATTN_SHAPE", () => o.transpose(x, [0])],
    ["transpose, no such axis", "ATTN_SHAPE", () => o.transpose(x, [0, 2])],
    ["inner sizes", "ATTN_SHAPE", () => o.matmul(x, x)],
    ["matmul of a vector", "ATTN_SHAPE", () => o.matmul(x, o.constant([1, 2, 3], [3]))],
    ["constant of another length", "ATTN_DATA", () => o.constant([1, 2], [3])],
    ["upload of another length", "ATTN_DATA", () => backend.upload(new Float32Array(5), [2, 3])],
    ["upload of a list of texts", "ATTN_DATA", () => backend.upload(["1"] as never, [1])],
    ["upload of an array to another shape", "ATTN_SHAPE", () => backend.upload([1], [2])],
    ["upload of other integers", "ATTN_DATA", () => backend.upload(new Int32Array(1) as never, [1])],
    ["upload of something else", "ATTN_DATA", () => backend.upload({ length: 1, 0: 1 } as never, [1])],
    ["upload of nothing", "ATTN_DATA", () => backend.upload(null as never, [1])],
    ["upload to a negative size", "ATTN_SHAPE", () => backend.upload(new Float32Array(6), [-2, -3])],
  ] as const)("refuses: %s", (_, code, run) => {
    let error: unknown;
    try {
      run();
    } catch (e) {
      error = e;
    }
    expect(isAttentionError(error, code), String(error)).toBe(true);
  });
});
