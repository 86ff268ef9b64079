import { backends, mechanisms } from "@attnkit/catalog";
import { attention, type Block, isAttentionError, type Mechanism } from "@attnkit/core";
import { conformance, type Item } from "@attnkit/core/conformance";
import { elementwise } from "@attnkit/elementwise";
import { logsumexp } from "@attnkit/logsumexp";
import { softmax } from "@attnkit/softmax";
import { softmax as tiles } from "@attnkit/softmax/webgpu";
import { type Tensor, type TfjsBackend, tfjs } from "@attnkit/tfjs";
import { attentionLayers } from "@attnkit/tfjs/layers";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// A software driver that shares two cores with other files.
vi.setConfig({ testTimeout: 180_000 });

const entry = backends.find((b) => b.name === "tfjs-webgl")!;
const { name, create, expectedFailures = [] } = entry;
const first = await rows(entry, "first");
let backend: TfjsBackend;
beforeAll(async () => {
  backend = (await create()) as TfjsBackend;
});

/** For each mechanism the first case of these laws; other backends run every case on the same programs. */
const LAWS = ["oracle", "key-mask", "no-leak", "empty-rows", "lse", "gradient"];

const up = (shape: number[], ...x: number[]) => backend.upload(Float32Array.from(x), shape);
const list = async (x: Tensor | undefined) => [...(await backend.download(x!))];
const inf = Number.POSITIVE_INFINITY;

/** One call of a mechanism on this backend. */
const call = (mechanism: Mechanism, block: Block<Tensor>, options: Parameters<typeof attention>[2] = {}) =>
  attention(mechanism, backend, options)(block);

describe(name, () => {
  test("programs run on WebGL, and none on the CPU", async () => {
    console.log(`${backend.name}: ${backend.device}`);
    expect(tf.getBackend()).toBe("webgl");
    expect(tf.env().getBool("WEBGL_CPU_FORWARD")).toBe(false);
    const gl = new OffscreenCanvas(1, 1).getContext("webgl2")!;
    const { UNMASKED_RENDERER_WEBGL } = gl.getExtension("WEBGL_debug_renderer_info")!;
    expect(backend.device).toContain(gl.getParameter(UNMASKED_RENDERER_WEBGL));
    expect(backend.device).toMatch(/^WebGL 2, /);

    const gpu = tf.backend() as tf.KernelBackend & { shouldExecuteOnCPU(): boolean; runWebGLProgram(): unknown };
    const programs = vi.spyOn(gpu, "runWebGLProgram");
    const onCpu = vi.spyOn(gpu, "shouldExecuteOnCPU");
    const draws = vi.spyOn(WebGL2RenderingContext.prototype, "drawElements");
    const x = () => up([1, 2, 4, 3], ...Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)));
    const { y } = await call(mechanisms[0]!.create(), { q: x(), k: x(), v: x() }, { causal: true });
    expect(programs.mock.calls.length).toBeGreaterThan(5);
    expect(draws.mock.calls.length).toBeGreaterThan(5);
    expect(onCpu.mock.results.filter((r) => r.value !== false)).toEqual([]);
    const { kernels } = await tf.profile(() => backend.ops.exp(y));
    expect(kernels.map((k) => k.name)).toContain("Exp");
    vi.restoreAllMocks();
  });

  test("a row that sees nothing is 0, its lse -Infinity", async () => {
    const keyMask = backend.upload(Uint8Array.of(0, 1, 0), [1, 3]);
    const [q, k, v] = [up([1, 1, 3, 1], 1, 1, 1), up([1, 1, 3, 1], 7, 1, 7), up([1, 1, 3, 1], 7, 3, 7)];
    const { y, lse } = await call(elementwise(), { q, k, v, keyMask }, { causal: true, lse: true });
    expect((await list(y)).map((x) => Number(x.toFixed(5)))).toEqual([0, 3, 3]);
    expect((await list(lse))[0]).toBe(-inf);
  });

  test.each([-1e20, -1e21, -1e38, -3.4028234663852886e38])("a bias of %d does not mask", async (low) => {
    const [q, k, v] = [up([1, 1, 1, 1], 1), up([1, 1, 2, 1], 1, 1), up([1, 1, 2, 1], 3, 5)];
    const both = await call(softmax(), { q, k, v, bias: up([1, 1, 1, 2], low, low) }, { lse: true });
    expect(await list(both.y)).toEqual([4]);
    expect(await list(both.lse)).toEqual([Math.fround(low)]);
    const one = await call(softmax(), { q, k, v, bias: up([1, 1, 1, 2], low, -inf) });
    expect(await list(one.y)).toEqual([3]);
    const none = await call(softmax(), { q, k, v, bias: up([1, 1, 1, 2], -inf, -inf) }, { lse: true });
    expect([await list(none.y), await list(none.lse)]).toEqual([[0], [-inf]]);
  });

  test("logValues of a row that sees nothing is -Infinity", async () => {
    const draw = (shape: number[]) =>
      up(shape, ...Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * i)));
    const keyMask = backend.upload(Uint8Array.of(0, 1), [2, 1]);
    const block = { q: draw([2, 2, 17, 3]), k: draw([2, 2, 1, 3]), v: draw([2, 2, 1, 3]), keyMask };
    const y = await list((await call(logsumexp({ logValues: true }), block, { causal: true })).y);
    expect(new Set(y.slice(0, y.length / 2))).toEqual(new Set([-inf]));
    expect(y.slice(y.length / 2).filter((x) => !Number.isFinite(x))).toEqual([]);
  });

  test("NaN in a visible key reaches its rows, and no other batch", async () => {
    const [q, v] = [up([2, 1, 1, 1], 1, 1), up([2, 1, 3, 1], 1, 1, 1, 1, 1, 1)];
    const k = up([2, 1, 3, 1], 1, Number.NaN, 1, 1, 1, 1);
    expect(await list((await call(softmax(), { q, k, v })).y)).toEqual([Number.NaN, 1]);
  });

  test("kernels for WebGPU are refused with the reason", async () => {
    const x = () => up([1, 1, 2, 1], 1, 2);
    const refusal = await call(tiles(), { q: x(), k: x(), v: x() }, { kernels: "require" }).catch((error) => error);
    expect(isAttentionError(refusal, "ATTN_NO_KERNEL"), String(refusal)).toBe(true);
    expect(refusal.message).toContain("tfjs runs on webgl, not on webgpu");
  });

  test.each([
    ["WEBGL_RENDER_FLOAT32_ENABLED", false, "got WebGL 2 with float16"],
    ["WEBGL_VERSION", 1, "got WebGL 1 with float32"],
  ])("numbers that would not be float32 are refused: %s %s", async (flag, value, got) => {
    const x = up([1, 1, 2, 1], 1, 2);
    const was = tf.env().get(flag);
    tf.env().set(flag, value);
    try {
      const message = expect.objectContaining({ code: "ATTN_UNSUPPORTED", message: expect.stringContaining(got) });
      expect(() => backend.upload(Float32Array.of(1), [1])).toThrow(message);
      expect(() => attention(softmax(), tfjs({ tf })).sync({ q: x, k: x, v: x })).toThrow(message);
      await expect(call(softmax(), { q: x, k: x, v: x })).rejects.toThrow(message);
    } finally {
      tf.env().set(flag, was);
    }
  });

  test("a layer of tf.layers takes a mask", async () => {
    const { MultiHeadAttention } = attentionLayers({ tf, layers: tfl.layers, mechanisms: { softmax } });
    const args = { mechanism: "softmax", numHeads: 1, keyDim: 1, useBias: false, kernelInitializer: "ones" } as const;
    const x = tf.tensor3d([1, 2, 4], [1, 3, 1]);
    const layer = new MultiHeadAttention(args);
    const y = await list(layer.apply([x, x, tf.tensor2d([[1, 1, 0]])]) as Tensor);
    const seen = [1, 2, 4].map((q) => (Math.exp(q) + 2 * Math.exp(2 * q)) / (Math.exp(q) + Math.exp(2 * q)));
    for (const [i, right] of seen.entries()) expect(y[i]).toBeCloseTo(right, 5);
  });

  conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [] });
  // The driver needs about a second per case to compile its programs.
  for (const row of first) {
    const filter = (item: Item) => item.mechanism === row.mechanism.name && LAWS.includes(item.law) && item.case === 0;
    conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [row], expectedFailures }, filter);
  }
});

// With tfjs's default, small tensors are computed on the CPU and large ones on WebGL, and results of both meet.
describe(`${name} with WEBGL_CPU_FORWARD, tfjs's default`, () => {
  beforeAll(() => tf.env().set("WEBGL_CPU_FORWARD", true));
  afterAll(() => tf.env().set("WEBGL_CPU_FORWARD", false));
  // The operations that have code of their own on WebGL.
  for (const law of ["op-div", "op-log", "op-max", "op-matmul"])
    conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [] }, { law });
});
