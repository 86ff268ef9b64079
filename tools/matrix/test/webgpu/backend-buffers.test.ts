/** `@attnkit/webgpu` and the caller's own buffers, commands and mistakes. */
import { backends } from "@attnkit/catalog";
import { attention, isAttentionError } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { softmax } from "@attnkit/softmax";
import { type GpuTensor, type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { beforeAll, describe, expect, test, vi } from "vitest";

// A software adapter that shares two cores with other files, and compiles slowly.
vi.setConfig({ testTimeout: 60_000 });

/** Flags of `GPUBufferUsage`, a global that Node lacks. */
const [MAP_READ, COPY_SRC, COPY_DST, STORAGE] = [0x1, 0x4, 0x8, 0x80];

const create = async () => (await backends.find((b) => b.name === "webgpu")!.create()) as WebgpuBackend;
let backend: WebgpuBackend;
let device: GPUDevice;

beforeAll(async () => {
  backend = await create();
  device = backend.gpuDevice;
});

const buffer = (size: number, usage: number = STORAGE | COPY_DST | COPY_SRC) => device.createBuffer({ size, usage });

/** The values of a buffer, read by commands of our own. */
async function read(from: GPUBuffer, offset: number, size: number): Promise<Float32Array> {
  const to = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(from, offset, to, 0, size);
  device.queue.submit([encoder.finish()]);
  await to.mapAsync(1);
  const values = new Float32Array(to.getMappedRange().slice(0));
  to.destroy();
  return values;
}

/** Returns the code and message of the error that an act throws or rejects with. */
async function refusal(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (!isAttentionError(error)) throw error;
    return `${error.code} ${error.message}`;
  }
  throw new Error("it was accepted");
}

describe("buffers of the caller", () => {
  const values = Float32Array.from({ length: 2 * 4 * 8 }, (_, i) => Math.sin(i));
  const shape = [1, 2, 4, 8];

  test("go in and out without a copy, and stay the caller's", async () => {
    const own = buffer(256 + values.byteLength);
    device.queue.writeBuffer(own, 256, values);
    const q = backend.wrap(own, shape, { offset: 256 });
    expect(q).toEqual({ buffer: own, offset: 256, shape, dtype: "float32" });
    const { y } = await attention(softmax(), backend)({ q, k: q, v: q });
    // The work was submitted: commands of the caller that are submitted now see the result.
    const got = await read(y.buffer, y.offset, values.byteLength);
    const reference = cpu();
    const x = reference.upload(values, shape);
    const expected = await reference.download((await attention(softmax(), reference)({ q: x, k: x, v: x })).y);
    for (const [i, e] of expected.entries()) expect(got[i]).toBeCloseTo(e, 5);
    backend.free(q);
    backend.free(y);
    backend.trim();
    expect(await read(own, 256, values.byteLength)).toEqual(values);
    own.destroy();
  });

  test("can be downloaded without the usage COPY_SRC", async () => {
    const own = buffer(12, STORAGE | COPY_DST);
    device.queue.writeBuffer(own, 0, Int32Array.of(0, 7, -1));
    const mask = backend.wrap(own, [3], { dtype: "boolean" });
    expect(backend.boolean!(mask)).toBe(true);
    expect(await backend.download(mask)).toEqual(Uint8Array.of(0, 1, 1));
    own.destroy();
  });

  test("a reshape shares the buffer and outlives the tensor", async () => {
    const x = backend.upload([1, 2, 3, 4]);
    const y = backend.ops.reshape(x, [2, 2]);
    expect(y.buffer).toBe(x.buffer);
    backend.free(x);
    backend.free(x); // a second time does nothing
    const other = backend.upload([9, 9, 9, 9]);
    expect(other.buffer).not.toBe(y.buffer);
    expect(await backend.download(y)).toEqual(Float32Array.of(1, 2, 3, 4));
    backend.free(y);
    backend.free(other);
  });

  test.each<[string, () => GpuTensor, RegExp]>([
    ["no buffer", () => backend.wrap({} as GPUBuffer, [1]), /ATTN_DATA.*expected a GPUBuffer/],
    ["no storage", () => backend.wrap(buffer(16, COPY_DST), [4]), /ATTN_DATA.*GPUBufferUsage.STORAGE/],
    ["too small", () => backend.wrap(buffer(16), [5]), /ATTN_DATA.*needs 20 bytes.*got a buffer of 16 bytes/],
    ["an odd offset", () => backend.wrap(buffer(512), [4], { offset: 4 }), /ATTN_DATA.*offset 4.*multiple of/],
    ["a wrong shape", () => backend.wrap(buffer(16), [-4]), /ATTN_SHAPE/],
    ["a wrong type", () => backend.wrap(buffer(16), [4], { dtype: "bool" as never }), /ATTN_OPTION.*boolean/],
    ["a wrong option", () => backend.wrap(buffer(16), [4], { ofset: 0 } as never), /ATTN_OPTION.*did you mean offset/],
  ])("refused: %s", async (_, act, message) => {
    expect(await refusal(act)).toMatch(message);
  });
});

describe("what is no tensor of this backend", () => {
  test.each<[string, () => unknown]>([
    ["null", () => null],
    ["a number", () => 1],
    ["an array of cpu", () => cpu().upload([1, 2])],
    ["a copy of a tensor", () => ({ ...backend.upload([1, 2]) })],
    ["a tensor of another backend on this device", () => webgpu({ device }).upload([1, 2])],
  ])("%s", async (_, make) => {
    const x = make() as GpuTensor;
    for (const act of [
      () => backend.shape(x),
      () => backend.download(x),
      () => backend.free(x),
      () => backend.ops.exp(x),
    ])
      expect(await refusal(act)).toMatch(/ATTN_DATA.*got .*expected a tensor that this backend made or wrapped/);
  });

  test("a freed tensor", async () => {
    const x = backend.upload([[1, 2]]);
    backend.free(x);
    expect(await refusal(() => backend.ops.add(x, 1))).toMatch(/ATTN_DATA.*got a tensor \[1, 2\] that was freed/);
  });
});

test.each<[string, () => unknown, RegExp]>([
  ["no device", () => webgpu({} as never), /device is "undefined"; expected a GPUDevice/],
  ["nothing", () => webgpu(undefined as never), /expected a GPUDevice/],
  ["float64", () => webgpu({ device, dtype: "float64" as never }), /dtype is "float64"; expected one of "float32"/],
  ["an unknown option", () => webgpu({ device, debgu: true } as never), /did you mean debug/],
  [
    "half a token",
    () => webgpu({ device, cacheCapacity: 1.5 }),
    /cacheCapacity is 1.5; expected an integer number of tokens/,
  ],
  ["a wrong pool", () => webgpu({ device, poolBytes: -1 }), /poolBytes is -1/],
])("refused options: %s", async (_, act, message) => {
  const error = await refusal(act);
  expect(error).toMatch(/^ATTN_OPTION/);
  expect(error).toMatch(message);
});

test("a tensor beyond the limits of the device is refused with their names", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  const plain = await adapter!.requestDevice(); // with the default limits
  const small = webgpu({ device: plain });
  const n = plain.limits.maxStorageBufferBindingSize / 4 + 1;
  const x = small.upload([1]);
  const message = await refusal(
    () => small.ops.take(x, 0, [0]) && small.tidy(() => small.ops.where(x, wide(small, n), 0)),
  );
  expect(message).toMatch(/ATTN_UNSUPPORTED.*maxStorageBufferBindingSize/);
  small.dispose();
  plain.destroy();
});

/** A column and a row whose sum has `n` or more elements. */
function wide({ ops, upload }: WebgpuBackend, n: number): GpuTensor {
  const side = Math.ceil(Math.sqrt(n));
  const line = (shape: number[]) => upload(new Float32Array(side), shape);
  return ops.add(line([side, 1]), line([1, side]));
}

describe("debug", () => {
  test("a validation error of WebGPU is thrown by the call, with the operation", async () => {
    const debug = webgpu({ device, debug: true });
    const own = buffer(16);
    const x = debug.wrap(own, [4]);
    own.destroy();
    const double = debug.compile((o, { x }) => ({ y: o.mul(x!, 2) }));
    expect(await refusal(() => double({ x }))).toMatch(/^ATTN_DEVICE webgpu: mul: .*destroyed/s);
    // Once reported, the next call starts anew.
    const y = debug.upload([1, 2]);
    expect(await debug.download((await double({ x: y })).y!)).toEqual(Float32Array.of(2, 4));
    expect(await refusal(() => debug.download(debug.ops.exp(x)))).toMatch(/^ATTN_DEVICE webgpu: exp: /);
    debug.dispose();
  });

  test("an allocation that fails is thrown by the call, with the size", async () => {
    const { gpuDevice } = await create();
    const debug = webgpu({ device: gpuDevice, debug: true });
    const x = debug.upload(new Float32Array(1024), [1024]);
    const double = debug.compile((o, { x }) => ({ y: o.mul(x!, 2) }));
    const restore = refuseBuffers(gpuDevice, 4096);
    expect(await refusal(() => double({ x }))).toMatch(
      /^ATTN_DEVICE webgpu: a buffer of 4096 bytes: the device has not enough memory\. Free tensors.*: no memory is left/,
    );
    restore();
    debug.trim();
    expect(await debug.download((await double({ x })).y!)).toEqual(new Float32Array(1024));
    debug.dispose();
    gpuDevice.destroy();
  });
});

/**
 * Makes the device report that it has no memory for buffers of at least `bytes`, as a device without memory does: an error goes to
 * the innermost scope for it. Returns a function that ends this.
 */
function refuseBuffers(device: GPUDevice, bytes: number): () => void {
  const { createBuffer, pushErrorScope, popErrorScope } = GPUDevice.prototype;
  const scopes: { filter: GPUErrorFilter; error: GPUError | null }[] = [];
  const fakes: Pick<GPUDevice, "createBuffer" | "pushErrorScope" | "popErrorScope"> = {
    createBuffer(descriptor) {
      const scope = scopes.findLast(({ filter }) => filter === "out-of-memory");
      if (descriptor.size >= bytes && scope) scope.error = new GPUOutOfMemoryError("no memory is left");
      return createBuffer.call(device, descriptor);
    },
    pushErrorScope(filter) {
      scopes.push({ filter, error: null });
      return pushErrorScope.call(device, filter);
    },
    async popErrorScope() {
      const { error } = scopes.pop()!;
      const real = await popErrorScope.call(device);
      return error ?? real;
    },
  };
  for (const [name, value] of Object.entries(fakes)) Object.defineProperty(device, name, { value, configurable: true });
  return () => {
    for (const name of Object.keys(fakes)) Reflect.deleteProperty(device, name);
  };
}

describe("a device that is gone", () => {
  test("rejects downloads and refuses operations, and nothing hangs", async () => {
    const lost = await create();
    const attend = attention(softmax(), lost);
    const x = lost.upload(new Float32Array(8), [1, 2, 4]);
    const before = lost.download(lost.ops.exp(x)).then(
      () => "done",
      (error) => error.code,
    );
    lost.gpuDevice.destroy();
    expect(["done", "ATTN_DEVICE"]).toContain(await before);
    await lost.gpuDevice.lost;
    for (const act of [
      () => lost.download(x),
      () => attend({ q: x, k: x, v: x }),
      () => lost.ops.exp(x),
      () => lost.upload([1]),
      () => lost.vjp((o, { x }) => ({ y: o.exp(x!) }), { x }, { y: x }, ["x"]),
    ])
      expect(await refusal(act)).toMatch(/^ATTN_DEVICE .*the device is lost \(destroyed.*Request a new device/);
    lost.free(x);
    lost.dispose();
  });

  test("after dispose every use is refused, and other backends on the device go on", async () => {
    const other = webgpu({ device });
    const x = other.upload([1, 2]);
    other.dispose();
    other.dispose();
    expect(other.memory()).toEqual({ buffers: 0, bytes: 0, idleBytes: 0 });
    expect(await refusal(() => other.ops.exp(x))).toMatch(/^ATTN_DEVICE .*dispose\(\) was called/);
    expect(await refusal(() => other.download(x))).toMatch(/^ATTN_DEVICE/);
    expect(await backend.download(backend.upload([3]))).toEqual(Float32Array.of(3));
  });
});
