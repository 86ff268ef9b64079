/** Conversions between halves and floats in WGSL, over every half, against `@petamoriken/float16`. */
import { backends } from "@attnkit/catalog";
import type { WebgpuBackend } from "@attnkit/webgpu";
import { dispatch, type Host, type Storage } from "@attnkit/wgsl";
import { Float16Array, setFloat16 } from "@petamoriken/float16";
import { beforeAll, expect, test, vi } from "vitest";
import { type Own, ownHost } from "./own-host.ts";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let device: GPUDevice;
let host: Host<Own> & { submit(): void };

beforeAll(async () => {
  device = ((await backends.find((b) => b.name === "webgpu")!.create()) as WebgpuBackend).gpuDevice;
  host = ownHost(device);
});

const BYTES: Readonly<Record<Storage, number>> = { float16: 2, float32: 4, boolean: 4 };

function tensor(data: Uint16Array<ArrayBuffer> | Float32Array<ArrayBuffer>): Own {
  const x = host.empty([data.length], data instanceof Uint16Array ? "float16" : "float32");
  device.queue.writeBuffer(x.buffer, x.offset, data);
  return x;
}

/** Copies n elements by the functions that a kernel calls, `step` of them in each thread, and returns the target's bytes. */
async function copied(x: Own, to: Storage, step: number, line: string, vec4: readonly string[] = []) {
  const [n] = x.shape as [number];
  const y = host.empty([n], to);
  dispatch(host, {
    ...{ name: "copy", inputs: { x }, outputs: { y }, sizes: { n: n / step }, vec4, workgroups: [n / step / 64] },
    code: `@compute @workgroup_size(64)
    fn main(@builtin(global_invocation_id) id: vec3u) { let i = id.x; if (i < p.n) { ${line} } }`,
  });
  const bytes = BYTES[to] * n;
  const staging = device.createBuffer({ size: bytes, usage: 0x1 | 0x8 }); // MAP_READ | COPY_DST
  host.submit();
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(y.buffer, y.offset, staging, 0, bytes);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(1);
  const data = staging.getMappedRange().slice(0);
  staging.destroy();
  return data;
}

/** NaN has many patterns; all others are compared bit by bit. */
const same = (got: Uint16Array | Uint32Array, expected: Uint16Array | Uint32Array, nan: (bits: number) => boolean) =>
  expected.findIndex((bits, i) => (nan(bits) ? !nan(got[i]!) : bits !== got[i]));
const isNaN16 = (bits: number) => (bits & 0x7fff) > 0x7c00;
const isNaN32 = (bits: number) => (bits & 0x7fffffff) > 0x7f800000;

const every = Uint16Array.from({ length: 65536 }, (_, i) => i);

test.each([
  ["one at a time", 1, "y_put(i, x_at(i));", []],
  ["of vectors, one at a time", 1, "y_put(i, x_at(i));", ["x"]],
  ["four at a time", 4, "y_put4(i, x_at4(i));", ["x", "y"]],
] as const)("every half is read as its value, %s", async (_, step, line, vec4) => {
  const got = new Uint32Array(await copied(tensor(every), "float32", step, line, vec4));
  const expected = new Uint32Array(Float32Array.from(new Float16Array(every.buffer)).buffer);
  expect(same(got, expected, isNaN32)).toBe(-1);
});

/** Every half, the floats around it and around the middle to its neighbour, and floats of random bits. */
function floats(): Float32Array<ArrayBuffer> {
  const bits: number[] = [];
  const one = new Float32Array(1);
  const bitsOfOne = new Uint32Array(one.buffer);
  const near = (x: number) => {
    one[0] = x;
    const at = bitsOfOne[0]!;
    bits.push(at, at + 1, Math.max(0, at - 1));
  };
  const halves = new Float16Array(every.buffer);
  for (let i = 0; i < 0x7c00; i++) {
    near(halves[i]!);
    near(i === 0x7bff ? 65520 : (halves[i]! + halves[i + 1]!) / 2);
  }
  let state = 1;
  for (let i = 0; i < 65536; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bits.push(state);
  }
  bits.push(0x7f800000, 0x7f800001, 0x7fc00000, 0x7fffffff, 0x7f7fffff, 1, 0x007fffff, 0x00800000);
  const signed = bits.flatMap((x) => [x, (x ^ 0x80000000) >>> 0]);
  while (signed.length % 256 !== 0) signed.push(0);
  return new Float32Array(Uint32Array.from(signed).buffer);
}

test.each([
  ["one at a time", 1, "y_put(i, x_at(i));", []],
  ["two at a time", 2, "y_put2(i, vec2f(x_at(2u * i), x_at(2u * i + 1u)));", []],
  ["four at a time", 4, "y_put4(i, x_at4(i));", ["x", "y"]],
] as const)("floats are rounded to the nearest half, ties to even, %s", async (_, step, line, vec4) => {
  const x = floats();
  const got = new Uint16Array(await copied(tensor(x), "float16", step, line, vec4));
  const expected = new Uint16Array(x.length);
  const view = new DataView(expected.buffer);
  for (const [i, value] of x.entries()) setFloat16(view, 2 * i, value, true);
  const at = same(got, expected, isNaN16);
  expect(at === -1 ? "" : `${x[at]}: ${got[at]}, expected ${expected[at]}`).toBe("");
});
