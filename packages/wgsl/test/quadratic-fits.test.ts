/** The largest calls that the quadratic kernels accept, on a device with small limits. */
import type { Backend, Block, DType, Mechanism, Shape } from "@attnkit/core";
import { type Call, dimsOfShapes } from "@attnkit/core/program";
import { quadraticKernel } from "@attnkit/wgsl";
import { expect, test } from "vitest";

const kernel = quadraticKernel({} as Mechanism, {
  ...{ name: "any", weights: { name: "any", kind: "softmax", wgsl: "" } },
  ...{ limit: () => 1, scale: () => 1 },
});

/** A device whose kernels bind at most `bytes` bytes. */
function answer(dtype: DType, bytes: number, shapes: Block<Shape>, lse = false): true | string {
  const limits = { maxStorageBufferBindingSize: bytes, maxBufferSize: 2 * bytes };
  const device = { limits, features: new Set<string>() };
  const backend = { name: "mine", dtype, webgpuHost: () => ({ device }) } as unknown as Backend<unknown>;
  const call = { shapes, dims: dimsOfShapes(shapes), lse } as Call;
  return kernel.accepts(call, backend);
}

const q: Shape = [1, 2, 1, 8];
/** A decode step after `past` keys. */
const step = (past: number, more: Partial<Block<Shape>> = {}): Block<Shape> => ({
  ...{ q, k: q, v: q, state: { k: [1, 2, past, 8], v: [1, 2, past, 8] } },
  ...more,
});

/** Each call, and the bytes of its largest tensor where floats are stored in 4 bytes and in 2. */
const calls: readonly (readonly [
  what: string,
  bytes: readonly [number, number],
  shapes: Block<Shape>,
  lse?: boolean,
])[] = [
  ["a cache with its new token", [64_000, 32_000], step(999)],
  ["queries", [64_000, 32_000], { q: [2, 1000, 8], k: [2, 9, 8], v: [2, 9, 8] }],
  ["y, where values are wider than queries", [96_000, 48_000], { q: [1000, 8], k: [9, 8], v: [9, 24] }],
  ["a bias", [80_000, 40_000], { q: [100, 8], k: [200, 8], v: [200, 8], bias: [100, 200] }],
  [
    "a mask, whose booleans have 4 bytes",
    [80_000, 80_000],
    { q: [100, 8], k: [200, 8], v: [200, 8], mask: [100, 200] },
  ],
  ["lse, which is float32", [4000, 4000], { q: [1000, 1], k: [9, 1], v: [9, 1] }, true],
  ["keep, which is float32", [4000, 4000], { q: [9, 1], k: [1000, 1], v: [1000, 1], keyMask: [1, 1000] }],
  ["no lse", [4000, 2000], { q: [1000, 1], k: [9, 1], v: [9, 1] }],
];
const both = calls.flatMap(([what, [single, half], shapes, lse]) => [
  [what, "float32" as const, single, shapes, lse] as const,
  [what, "float16" as const, half, shapes, lse] as const,
]);

test.each(both)("%s in %s: %i bytes fit, and one less does not", (_, dtype, bytes, shapes, lse) => {
  expect(answer(dtype, bytes, shapes, lse)).toBe(true);
  expect(answer(dtype, bytes - 1, shapes, lse)).toBe(
    `a tensor of ${bytes} bytes; this device binds at most ${bytes - 1}`,
  );
});
