import type { Backend, Data, Shape } from "@attnkit/core";
import {
  eagerVjp,
  hostData,
  type Nested,
  type NestedProgram,
  type NestedValues,
  requireFunction,
} from "@attnkit/core/backend";
import { type EagerOps, knownOptions, requireOneOf, requireOption } from "@attnkit/core/program";
import { WEBGPU, type WebgpuBackend as WebgpuHosting } from "@attnkit/wgsl";
import { Commands } from "./device/commands.ts";
import { watch } from "./device/health.ts";
import { BufferPool, type MemoryUse } from "./device/pool.ts";
import { hostOf } from "./host.ts";
import { Memory } from "./memory.ts";
import { Constants } from "./ops/constants.ts";
import type { Gpu } from "./ops/gpu.ts";
import { operations } from "./ops/index.ts";
import { tidy, tidyRecord } from "./scopes.ts";
import type { ElementType, GpuTensor } from "./tensor.ts";
import { download, upload } from "./transfer.ts";
import { checkWrapped } from "./wrap.ts";

export type { MemoryUse } from "./device/pool.ts";
export type { ElementType, GpuTensor } from "./tensor.ts";

/** Idle bytes that are kept by default: 256 MiB. */
const POOL_BYTES = 2 ** 28;

export interface WebgpuOptions {
  /** The device that computes. Limits and features are those that it was requested with. */
  readonly device: GPUDevice;
  /** The type of all floats. Default: `"float32"`. */
  readonly dtype?: "float32";
  /**
   * Validation errors of WebGPU are thrown as `ATTN_DEVICE` by the next call that is awaited. Every operation is submitted
   * alone, which is slow. Default: false. They then go to the device's event `uncapturederror`.
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
export interface WebgpuBackend extends Backend<GpuTensor, "float32">, WebgpuHosting<GpuTensor> {
  readonly ops: EagerOps<GpuTensor>;
  readonly gpuDevice: GPUDevice;
  /**
   * Makes a tensor in a buffer of your own, without a copy. The buffer needs the usage `STORAGE`. It must hold the values while the
   * tensor is in use; `free` and `dispose` leave it alone.
   *
   * @param shape The sizes, row-major. Floats have 4 bytes; booleans are 32-bit integers.
   * @param how `offset` in bytes is a multiple of the device's `minStorageBufferOffsetAlignment`, default 0. `dtype` is
   * `"float32"` (default) or `"boolean"`.
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
export function webgpu(options: WebgpuOptions): WebgpuBackend {
  const { device, dtype = "float32", debug = false, poolBytes = POOL_BYTES, cacheCapacity = 0 } = options ?? {};
  const given = typeof device?.createBuffer === "function";
  requireOption(given, "webgpu", "device", typeof device, "a GPUDevice: webgpu({ device })");
  knownOptions("webgpu", options, ["device", "dtype", "debug", "poolBytes", "cacheCapacity"]);
  requireOneOf("webgpu", "dtype", dtype, ["float32"]);
  requireOneOf("webgpu", "debug", debug, [true, false]);
  requireOption(poolBytes >= 0, "webgpu", "poolBytes", poolBytes, "a number of bytes >= 0");
  const whole = Number.isInteger(cacheCapacity) && cacheCapacity >= 0;
  requireOption(whole, "webgpu", "cacheCapacity", cacheCapacity, "an integer number of tokens >= 0");

  const health = watch(device);
  const pool = new BufferPool(device, poolBytes);
  const commands = new Commands(device, pool, health, debug);
  const memory = new Memory(device, pool, commands, health);
  const host = hostOf(device, memory, commands, () => ops, cacheCapacity);
  const gpu: Gpu = { memory, commands, host };
  const constants = new Constants(gpu);
  const ops = operations(gpu, constants);

  const backend: WebgpuBackend = {
    name: "webgpu",
    kind: WEBGPU,
    device: describe(device),
    dtype,
    supports: { gradients: true, dtypes: ["float32"] },
    ops,
    gpuDevice: device,
    webgpuHost: () => host,
    upload(given: Data | NestedValues, givenShape?: Shape) {
      const { data, shape } = hostData("webgpu", given, givenShape);
      const isBoolean = Object.prototype.toString.call(data) === "[object Uint8Array]";
      return isBoolean
        ? upload(
            gpu,
            Int32Array.from(data, (b) => (b ? 1 : 0)),
            shape,
            "boolean",
          )
        : upload(gpu, new Float32Array(data), shape, "float32");
    },
    async download(x) {
      const { dtype } = memory.own(x);
      const bytes = await download(gpu, pool, health, x);
      return dtype === "float32" ? new Float32Array(bytes) : Uint8Array.from(new Int32Array(bytes), (b) => (b ? 1 : 0));
    },
    shape: (x) => memory.own(x).shape,
    boolean: (x) => memory.own(x).dtype === "boolean",
    free: (x) => memory.free(x),
    wrap(buffer, shape, how = {}) {
      knownOptions("webgpu: wrap(buffer, shape)", how, ["offset", "dtype"]);
      const { offset = 0, dtype = "float32" } = how;
      checkWrapped(device, buffer, shape, offset, dtype);
      return memory.wrap(buffer, offset, shape, dtype);
    },
    tidy: (run) => tidy(memory, run),
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
    vjp: eagerVjp(
      ops,
      () => backend,
      (run) => tidyRecord(memory, run),
    ),
  };
  return backend;
}

function describe({ adapterInfo }: GPUDevice): string {
  const { vendor, architecture } = adapterInfo ?? {};
  return `WebGPU adapter ${[vendor, architecture].filter(Boolean).join(" ") || "unknown"}`;
}
