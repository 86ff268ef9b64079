/** `@attnkit/webgpu` in half precision: what is stored as halves, and that every half arrives where it belongs. */
import { backends } from "@attnkit/catalog";
import { attention, type Block, isAttentionError, type Result } from "@attnkit/core";
import { linear } from "@attnkit/linear";
import { linear as linearKernels } from "@attnkit/linear/webgpu";
import { softmax } from "@attnkit/softmax";
import { softmax as softmaxKernels } from "@attnkit/softmax/webgpu";
import { type GpuTensor, type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { Float16Array, f16round } from "@petamoriken/float16";
import { beforeAll, describe, expect, test, vi } from "vitest";

// A software adapter that shares two cores with other files, and compiles slowly.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let half: WebgpuBackend<"float16">;
let single: WebgpuBackend;

beforeAll(async () => {
  half = (await backends.find((b) => b.name === "webgpu")!.create({ dtype: "float16" })) as typeof half;
  single = webgpu({ device: half.gpuDevice });
});

/** Numbers that halves hold. */
const values = (n: number, seed = 1) => Float32Array.from({ length: n }, (_, i) => f16round(Math.sin(seed + 1.7 * i)));
const tensor = (shape: readonly number[], seed?: number) =>
  half.upload(
    values(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    shape,
  );
const bytes = (x: GpuTensor) => 2 * Math.ceil(x.shape.reduce((a, b) => a * b, 1) / 2) * 2;
/** The bytes of all buffers that an act adds. */
function added(act: () => void): number {
  const before = half.memory();
  act();
  const after = half.memory();
  return after.bytes - after.idleBytes - (before.bytes - before.idleBytes);
}

describe("uploads and downloads", () => {
  test("every half comes back, from its bits and from floats", async () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const expected = Float32Array.from(new Float16Array(bits.buffer));
    for (const data of [bits, new Float16Array(bits.buffer.slice(0)) as never, expected]) {
      const x = half.upload(data, [65536]);
      expect(x.dtype).toBe("float16");
      expect(await half.download(x)).toEqual(expected);
      half.free(x);
    }
  });

  test("floats are rounded to the nearest half, ties to even", async () => {
    const around = Float16Array.of(0, 6e-8, 1e-7, 6.1e-5, 0.1, 1, 2047, 2049, 65504);
    const x = Float32Array.from([...around, 65520, 65519.9, 2 ** -25, 3 * 2 ** -25, 1e-9, 1e30, Number.NaN]).map(
      (value, i) => value * (1 + (i % 5) * 2 ** -12),
    );
    const signed = Float32Array.of(...x, ...x.map((value) => -value));
    expect(await half.download(half.upload(signed, [signed.length]))).toEqual(signed.map(f16round));
  });

  test("half of the bytes, padded to a word", () => {
    const of = (n: number) => added(() => void half.upload(new Float32Array(n), [n]));
    expect(of(65536)).toBe(131072);
    expect(of(65536)).toBe(0.5 * (single.memory().bytes + 4 * 65536)); // single is empty
    expect(of(1)).toBe(256); // the smallest buffer of the pool
  });

  test("dtype float32 keeps what halves do not hold", async () => {
    const x = half.upload([1e6, 0.1], [2], { dtype: "float32" });
    expect(x.dtype).toBe("float32");
    expect(await half.download(x)).toEqual(Float32Array.of(1e6, 0.1));
  });

  test.each<[string, () => unknown, RegExp]>([
    ["float64", () => half.upload([1], [1], { dtype: "float64" as never }), /ATTN_OPTION.*expected one of/],
    ["halves in single", () => single.upload(Uint16Array.of(1), [1]), /ATTN_DATA.*expected Float32Array/],
    ["float16 in single", () => single.upload([1], [1], { dtype: "float16" }), /ATTN_OPTION.*"float32"/],
    ["a wrong number of halves", () => half.upload(Uint16Array.of(1, 2), [3]), /ATTN_DATA.*2/],
  ])("refused: %s", (_, act, message) => {
    try {
      act();
    } catch (error) {
      if (!isAttentionError(error)) throw error;
      expect(`${error.code} ${error.message}`).toMatch(message);
      return;
    }
    throw new Error("it was accepted");
  });

  test("a buffer of the caller holds halves, an odd number of them too", async () => {
    const own = half.gpuDevice.createBuffer({ size: 264, usage: 0x88 }); // STORAGE | COPY_DST, no COPY_SRC
    const x = Float16Array.of(1, -2, 0.5);
    half.gpuDevice.queue.writeBuffer(own, 256, Uint16Array.of(...new Uint16Array(x.buffer), 0x7e00));
    const wrapped = half.wrap(own, [3], { offset: 256 });
    expect(wrapped.dtype).toBe("float16");
    expect(await half.download(wrapped)).toEqual(Float32Array.from(x));
    expect(await half.download(half.ops.mul(wrapped, 2))).toEqual(Float32Array.of(2, -4, 1));
    expect(() => half.wrap(own, [5], { offset: 256 })).toThrow(/\[5\] in float16 needs 12 bytes/);
    own.destroy();
  });
});

/** Each move on a shape whose rows have an odd number of halves, and on one with whole words. */
describe.each([[[3, 5, 7]], [[4, 2, 6]]])("moves of halves %j", (shape) => {
  const moves: Readonly<Record<string, (o: WebgpuBackend["ops"], x: GpuTensor) => GpuTensor>> = {
    "slice at an odd place": (o, x) => o.slice(x, 2, 1, 6),
    "slice of whole words": (o, x) => o.slice(x, 2, 2, 6),
    "slice of rows": (o, x) => o.slice(x, 1, 1, 2),
    transpose: (o, x) => o.transpose(x, [2, 0, 1]),
    "transpose of rows": (o, x) => o.transpose(x, [1, 0, 2]),
    "concat of an odd part": (o, x) => o.concat([o.slice(x, 2, 0, 3), x, o.slice(x, 2, 1, 2)], 2),
    "concat of rows": (o, x) => o.concat([x, o.slice(x, 1, 1, 2), x], 1),
    reverse: (o, x) => o.take(x, 2, [5, 4, 3, 2, 1, 0]),
    take: (o, x) => o.take(x, 2, [1, 4, 4, 0, 2]),
    "take of rows": (o, x) => o.take(x, 1, [1, 0, 0]),
    nothing: (o, x) => o.slice(x, 1, 1, 1),
    reshape: (o, x) => o.reshape(o.slice(x, 2, 1, 6), [-1, 5]),
    where: (o, x) => o.where(o.slice(x, 0, 0, 1), x, 0.5),
    maximum: (o, x) => o.maximum(x, o.slice(x, 2, 0, 1)),
  };
  test.each(Object.entries(moves))("%s", async (_, move) => {
    const data = values(shape.reduce((a, b) => a * b, 1));
    const made = move(half.ops, half.upload(data, shape));
    const expected = move(single.ops, single.upload(data, shape));
    expect(made.dtype).toBe("float16");
    expect(made.shape).toEqual(expected.shape);
    expect(await half.download(made)).toEqual(await single.download(expected));
  });
});

test("results that are computed are float32; store rounds them", async () => {
  const { ops } = half;
  const x = tensor([2, 3]);
  for (const y of [ops.mul(x, 2), ops.matmul(x, ops.transpose(x, [1, 0])), ops.sum(x, 0), ops.where(x, x, 0.1)])
    expect(y.dtype).toBe("float32");
  const large = ops.mul(tensor([3]), 1e6);
  const stored = ops.store(large);
  expect(stored.dtype).toBe("float16");
  expect(await half.download(stored)).toEqual((await half.download(large)).map(f16round));
  expect(single.ops.store(single.upload([0.1])).dtype).toBe("float32");
});

const mechanisms = { softmax, linear, softmaxKernels, linearKernels };
describe.each(Object.entries(mechanisms))("%s", (name, create) => {
  const block = (L: number, seed: number): Block<GpuTensor> => {
    const [q, k, v] = [0, 1, 2].map((i) => tensor([1, 2, L, 6], seed + i)) as [GpuTensor, GpuTensor, GpuTensor];
    return { q, k, v };
  };

  test("y and caches are halves, lse and sums are not", async () => {
    const attend = attention(create(), half, { causal: true, lse: true });
    let past: Result<GpuTensor>["state"] | undefined;
    for (const [n, L] of [40, 1].entries()) {
      const keyMask = half.upload(
        Uint8Array.from({ length: L }, (_, i) => (i === 2 ? 0 : 1)),
        [1, L],
      );
      const { y, lse, state } = await attend({ ...block(L, n), keyMask, ...(past && { state: past as never }) });
      past = state;
      expect([y.dtype, lse.dtype]).toEqual(["float16", "float32"]);
    }
    for (const x of Object.values(past!)) {
      const keeps = name.startsWith("softmax") && x.shape.length === 4;
      expect([x.shape, x.dtype]).toEqual([x.shape, keeps ? "float16" : "float32"]);
      if (keeps) expect(x.buffer.size).toBeLessThan(4 * 2 * 2 * 41 * 6); // with room for more, less than floats without
      if (keeps) expect(bytes(x)).toBe(2 * 2 * 41 * 6);
    }
    const merged = await attend.merge(past as never, past as never);
    for (const [entry, x] of Object.entries(merged)) expect([entry, x.dtype]).toEqual([entry, past![entry]!.dtype]);
  });

  test("a state that is restored in its own types continues as it was", async () => {
    const attend = attention(create(), half, { causal: true });
    const { state } = await attend(block(20, 1));
    const saved = await Promise.all(
      Object.entries(state as Record<string, GpuTensor>).map(async ([entry, x]) => {
        const data = (await half.download(x)) as Float32Array;
        return [entry, half.upload(data, x.shape, { dtype: x.dtype as "float16" })] as const;
      }),
    );
    const next = block(3, 5);
    const [kept, again] = [
      await attend({ ...next, state }),
      await attend({ ...next, state: Object.fromEntries(saved) as never }),
    ];
    expect(await half.download(again.y)).toEqual(await half.download(kept.y));
  });
});
