import type { Backend, Data, DataOf, Shape } from "@attnkit/core";
import { eagerTape, type Nested, type NestedProgram, type NestedValues, requireFunction } from "@attnkit/core/backend";
import { knownOptions, requireOneOf, requireOption } from "@attnkit/core/program";
import { WEBGPU, type WebgpuBackend as WebgpuHosting } from "@attnkit/wgsl";
import { deviceCommands } from "./device/commands.ts";
import { errorScopes } from "./device/error-scopes.ts";
import { watch } from "./device/health.ts";
import { bufferPool, type MemoryUse } from "./device/pool.ts";
import { hostOf } from "./host.ts";
import { type HalfData, storedValues } from "./host-values.ts";
import { deviceMemory } from "./memory.ts";
import { constantsOf } from "./ops/constants.ts";
import type { Gpu } from "./ops/gpu.ts";
import { operations, type StoringOps } from "./ops/index.ts";
import { tidy, tidyRecord } from "./scopes.ts";
import { bytesOf, type ElementType, type FloatType, type GpuTensor } from "./tensor.ts";
import { staged, upload } from "./transfer.ts";
import { checkWrapped } from "./wrap.ts";

export type { MemoryUse } from "./device/pool.ts";
export type { HalfData } from "./host-values.ts";
export type { ElementType, FloatType, GpuTensor } from "./tensor.ts";

/** Idle bytes that are kept by default: 256 MiB. */
const POOL_BYTES = 2 ** 28;

const FLOATS: readonly FloatType[] = ["float32", "float16"];

export interface WebgpuOptions<D extends FloatType = FloatType> {
  /** The device that computes. Limits and features are those that it was requested with. */
  readonly device: GPUDevice;
  /**
   * The storage of floats that are uploaded or wrapped, and of y. Default: `"float32"`. With `"float16"` they take half the bytes.
   * Arithmetic is float32 in both cases, and so are intermediate results, `lse` and the sums of a state. No feature of the device is needed.
   */
  readonly dtype?: D;
  /**
   * Errors of WebGPU (validation, out of memory, internal) are thrown as `ATTN_DEVICE` by the next call that is awaited. Every
   * operation is submitted alone, which is slow. Default: false. They then go to the device's event `uncapturederror`.
   */
  readonly debug?: boolean;
  /** The bytes of unused buffers that are kept for reuse, from 0. Default: 268435456 (256 MiB). */
  readonly poolBytes?: number;
  /**
   * The number of tokens that a KV cache gets room for when it is first appended to, an integer from 0. A decode step then
   * copies nothing until the cache has so many tokens. Default 0: room for twice the tokens. A cache that is full is copied
   * to a buffer of twice its length.
   */
  readonly cacheCapacity?: number;
}

/** A backend on a `GPUDevice`. Its operations are encoded at once; they run when they are submitted. */
export interface WebgpuBackend<D extends FloatType = FloatType>
  extends Backend<GpuTensor, D>,
    WebgpuHosting<GpuTensor> {
  /** Computed results are float32; `store` rounds a tensor to `dtype`. */
  readonly ops: StoringOps;
  readonly gpuDevice: GPUDevice;
  /**
   * Makes a tensor, as every backend does. With `dtype: "float16"` floats are rounded to the nearest half, ties to even, and are infinite
   * from 65520 on.
   *
   * @param data Also halves, on a backend in float16: a `Float16Array`, or their bits in a `Uint16Array`.
   * @param how `dtype: "float32"` keeps floats as they are, for the sums of a state. Default: `dtype` of the backend.
   * @throws `ATTN_DATA` on other data, `ATTN_SHAPE` on a wrong shape, `ATTN_OPTION` on another `dtype`.
   */
  upload(data: Data | HalfData, shape: Shape, how?: { readonly dtype?: FloatType }): GpuTensor;
  upload(data: NestedValues, shape?: Shape, how?: { readonly dtype?: FloatType }): GpuTensor;
  /**
   * Makes a tensor in a buffer of your own, without a copy. The buffer needs the usage `STORAGE`. It must hold the values while the
   * tensor is in use; `free` and `dispose` leave it alone.
   *
   * @param shape The sizes, row-major. Floats have 4 bytes, halves 2; booleans are 32-bit integers. The range is padded to a multiple of 4.
   * @param how `offset` in bytes is a multiple of the device's `minStorageBufferOffsetAlignment`, default 0. `dtype` is
   * the backend's (default), `"float32"` or `"boolean"`.
   * @throws `ATTN_DATA` if the buffer cannot be bound, or is too small; `ATTN_SHAPE` on a wrong shape.
   * @example
   * ```ts
   * const q = backend.wrap(buffer, [1, 8, 128, 64]);
   * ```
   */
  wrap(buffer: GPUBuffer, shape: Shape, how?: { readonly offset?: number; readonly dtype?: ElementType }): GpuTensor;
  /**
   * Runs `run` and frees every tensor that it makes, except those in its result. Use it around `attention(...).sync` and
   * `ops`. At its end the operations are submitted, so that commands that you submit later find their results.
   * @example
   * ```ts
   * const { y } = backend.tidy(() => attend.sync({ q, k, v }));
   * ```
   */
  tidy<R>(run: () => R): R;
  /** Submits all operations that are encoded. Without it, they are submitted at the end of the current task. */
  flush(): void;
  /** The buffers and bytes that this backend has allocated. */
  memory(): MemoryUse;
  /** Submits all operations and destroys every buffer that no tensor uses. */
  trim(): void;
  /** Destroys every buffer that this backend made. Your own buffers and the device stay. Every later call throws `ATTN_DEVICE`. */
  dispose(): void;
}

/**
 * Creates a backend on a WebGPU device. It does not use a tensor library.
 *
 * @throws `ATTN_OPTION` if `device` is missing, or another option is unknown or has a wrong value.
 * @example
 * ```ts
 * const adapter = await navigator.gpu.requestAdapter();
 * const device = await adapter.requestDevice();
 * const attend = attention(softmax(), webgpu({ device }), { causal: true });
 * ```
 */
export function webgpu<const D extends FloatType = "float32">(options: WebgpuOptions<D>): WebgpuBackend<D> {
  const { device, dtype = "float32" as D, debug = false, poolBytes = POOL_BYTES, cacheCapacity = 0 } = options ?? {};
  const given = typeof device?.createBuffer === "function";
  requireOption(given, "webgpu", "device", typeof device, "a GPUDevice: webgpu({ device })");
  knownOptions("webgpu", options, ["device", "dtype", "debug", "poolBytes", "cacheCapacity"]);
  requireOneOf("webgpu", "dtype", dtype, FLOATS);
  requireOneOf("webgpu", "debug", debug, [true, false]);
  requireOption(poolBytes >= 0, "webgpu", "poolBytes", poolBytes, "a number of bytes >= 0");
  const whole = Number.isInteger(cacheCapacity) && cacheCapacity >= 0;
  requireOption(whole, "webgpu", "cacheCapacity", cacheCapacity, "an integer number of tokens >= 0");

  const health = watch(device);
  const scopes = errorScopes(device, debug);
  const pool = bufferPool(device, scopes, poolBytes);
  const commands = deviceCommands(device, pool, health, scopes);
  const memory = deviceMemory(device, pool, commands, health);
  const host = hostOf(device, memory, commands, dtype, () => tape, cacheCapacity);
  const gpu: Gpu = { memory, commands, host };
  const constants = constantsOf(gpu);
  const tape = eagerTape(
    operations(gpu, constants, dtype),
    () => backend,
    (run) => tidyRecord(memory, run),
  );
  const { ops } = tape;
  memory.onAlias = tape.rename;

  const floats: readonly FloatType[] = dtype === "float16" ? FLOATS : ["float32"];

  const backend: WebgpuBackend<D> = {
    name: "webgpu",
    kind: WEBGPU,
    device: describe(device),
    dtype,
    supports: { gradients: true, kernelGradients: true, dtypes: FLOATS },
    ops,
    gpuDevice: device,
    webgpuHost: () => host,
    upload(given: Data | HalfData | NestedValues, shape?: Shape, how: { readonly dtype?: FloatType } = {}) {
      knownOptions("webgpu: upload(data, shape)", how, ["dtype"]);
      const { dtype: type = dtype } = how;
      requireOneOf("webgpu: upload(data, shape)", "dtype", type, floats);
      return upload(gpu, storedValues(given, shape, type, dtype === "float16"));
    },
    async download(x) {
      health.require();
      // The copy is submitted before the code that reads it is loaded: x may be freed meanwhile.
      const staging = bytesOf(memory.own(x)) > 0 ? staged(gpu, pool, x) : undefined;
      return (await (await import("./download.ts")).valuesOf(gpu, pool, health, x, staging)) as DataOf<D>;
    },
    shape: (x) => memory.own(x).shape,
    boolean: (x) => memory.own(x).dtype === "boolean",
    free(x) {
      // The gradient may need it. At the end of `vjp` it is freed with everything that the program made.
      if (!tape.recording || !memory.isNew(x)) memory.free(x);
    },
    wrap(buffer, shape, how = {}) {
      knownOptions("webgpu: wrap(buffer, shape)", how, ["offset", "dtype"]);
      const { offset = 0, dtype: type = dtype } = how;
      checkWrapped(device, buffer, shape, offset, type, [...floats, "boolean"]);
      return memory.wrap(buffer, offset, shape, type);
    },
    tidy: (run) => (tape.recording ? run() : tidy(memory, run)),
    flush: () => commands.flush(),
    memory: () => pool.use,
    trim() {
      commands.flush();
      pool.trim(0);
    },
    dispose() {
      commands.flush();
      health.dispose();
      pool.dispose();
    },
    compile: ((program: NestedProgram) => {
      requireFunction("compile on webgpu", "program", program);
      return async (x: Nested<GpuTensor>) => {
        const made = tidyRecord(memory, () => program(ops, x));
        await commands.checked();
        return made;
      };
    }) as unknown as Backend<GpuTensor>["compile"],
    vjp: tape.vjp,
  };
  return backend;
}

function describe({ adapterInfo }: GPUDevice): string {
  const { vendor, architecture } = adapterInfo ?? {};
  return `WebGPU adapter ${[vendor, architecture].filter(Boolean).join(" ") || "unknown"}`;
}
