import type { DType } from "@attnkit/core";
import type { Program } from "@attnkit/core/backend";
import { matrices, productError, sideOf } from "@attnkit/measure/baselines";
import { deviceOf } from "@attnkit/measure/gpu-meter";
import { settling } from "@attnkit/measure/subject";
import type { Setting } from "./attnkit.ts";
import { type Cell, clocked, Refusal } from "./cell.ts";
import { uniform } from "./input.ts";
import { verdict } from "./truth.ts";

/** The product of two square matrices on a backend of attnkit, with as many operations as the attention of the group. */
export const matmulCell = (column: string, dtype: DType, { columns, sequence }: Setting): Cell => ({
  ...{ column, role: "matmul", name: "matmul", dtype },
  async open() {
    const backend = await columns.backend(column, dtype);
    const { B, Hq, length, d, dv } = sequence;
    const n = sideOf([B, Hq, length, d], dv);
    const { a, b } = matrices(n);
    const x = { a: backend.upload(a, [n, n]), b: backend.upload(b, [n, n]) };
    const run = backend.compile(product);
    const settle = settling(backend);
    const { y } = await run(x);
    const used = productError(await backend.download(y), dtype);
    backend.free(y);
    return {
      checks: [verdict("prefill", length, 3, used, "the matrix product is wrong")],
      ...{ flops: 2 * n ** 3, bytes: null, gpu: null },
      sample: async (calls) =>
        (await clocked(async () => {
          for (let i = 0; i < calls; i++) {
            const { y } = await run(x);
            if (i === calls - 1) await settle(y);
            backend.free(y);
          }
        })) / calls,
      dispose: () => Object.values(x).forEach((t) => void backend.free(t)),
    };
  },
});

const product: Program = (o, { a, b }) => ({ y: o.matmul(a!, b!) });

/** WebGPU's flags: a copy reads the one and writes the other. */
const [MAP_READ, COPY_SRC, COPY_DST] = [0x01, 0x04, 0x08];
/** Bytes that are written and compared at a time. */
const WINDOW = 2 ** 20;

/**
 * A copy from buffer to buffer on the device of `column`, of as many bytes as decoding reads keys and values. It moves each byte
 * twice, in and out, which decoding does not.
 */
export const copyCell = (column: string, dtype: DType, { columns, sequence }: Setting): Cell => ({
  ...{ column, role: "copy", name: "buffer copy", dtype },
  async open() {
    const device = deviceOf(await columns.backend(column, dtype));
    if (!device) throw new Refusal(`${column} has no device that can be reached`);
    const { B, Hkv, length, d, dv } = sequence;
    const width = dtype === "float16" ? 2 : 4;
    // k and v are copied one after the other: together they may exceed the largest buffer.
    const sizes = [d, dv].map((channels) => 4 * Math.ceil((B * Hkv * length * channels * width) / 4));
    const most = device.limits.maxBufferSize;
    if (Math.max(...sizes) > most)
      throw new Refusal(`a buffer of ${Math.max(...sizes)} bytes exceeds the limit ${most}`);
    const buffers = sizes.map((size) => ({
      size,
      from: device.createBuffer({ size, usage: COPY_SRC | COPY_DST }),
      to: device.createBuffer({ size, usage: COPY_SRC | COPY_DST }),
    }));
    const pattern = (size: number, at: number) => uniform(Math.min(WINDOW, size - at) / 4, 1 + at / WINDOW);
    for (const { from, size } of buffers)
      for (let at = 0; at < size; at += WINDOW)
        device.queue.writeBuffer(from, at, pattern(size, at) as Float32Array<ArrayBuffer>);
    const copy = async (calls: number) => {
      const encoder = device.createCommandEncoder();
      for (let i = 0; i < calls; i++)
        for (const { from, to, size } of buffers) encoder.copyBufferToBuffer(from, 0, to, 0, size);
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
    };
    await copy(1);
    let right = true;
    for (const { to, size } of buffers) {
      const windows = Math.ceil(size / WINDOW);
      for (const n of new Set([0, Math.floor(windows / 2), windows - 1])) {
        const wanted = pattern(size, n * WINDOW);
        const got = await read(device, to, n * WINDOW, wanted.byteLength);
        right &&= wanted.every((value, i) => value === got[i]);
      }
    }
    return {
      checks: [verdict("decode", length, 3, right ? 0 : Number.POSITIVE_INFINITY, "the copy differs from its source")],
      ...{ flops: null, bytes: sizes.reduce((a, b) => a + b, 0), gpu: null },
      sample: async (calls) => (await clocked(() => copy(calls))) / calls,
      dispose() {
        for (const { from, to } of buffers) for (const buffer of [from, to]) buffer.destroy();
      },
    };
  },
});

async function read(device: GPUDevice, from: GPUBuffer, at: number, size: number): Promise<Float32Array> {
  const to = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(from, at, to, 0, size);
  device.queue.submit([encoder.finish()]);
  await to.mapAsync(MAP_READ);
  const data = new Float32Array(to.getMappedRange().slice(0));
  to.destroy();
  return data;
}
