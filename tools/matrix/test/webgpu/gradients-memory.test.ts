/**
 * The memory of a gradient grows linearly with the number of tokens, for every mechanism. Dawn's null device counts the
 * bytes and computes nothing.
 */

import { mechanisms } from "@attnkit/catalog";
import { attention, type Causal, type Mechanism, type Options, type Tensors } from "@attnkit/core";
import { blockOfNames, namesOfResult } from "@attnkit/core/backend";
import { meter } from "@attnkit/measure/gpu-meter";
import { webgpuDevice } from "@attnkit/tfjs/webgpu";
import { type GpuTensor, type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

vi.setConfig({ testTimeout: 120_000 });

let release: () => Promise<void> | void;
let backend: WebgpuBackend;

beforeAll(async () => {
  const gpu = await webgpuDevice({ webgpu: await import("webgpu"), flags: ["backend=null"] });
  release = () => gpu.release();
  backend = webgpu({ device: gpu.device, poolBytes: 0 });
});
afterAll(() => release());

/** Bytes that `y` and its gradients take at their peak, beside q, k and v, and the dispatches. */
async function use(mechanism: Mechanism, L: number, causal: Causal): Promise<{ bytes: number; dispatches: number }> {
  const attend = attention(mechanism, backend, { causal, state: false });
  const run = (_: unknown, x: Tensors<GpuTensor>): Tensors<GpuTensor> =>
    namesOfResult({ ...attend.sync(blockOfNames(x)), state: {} });
  const shape = [1, 2, L, 16];
  const tensor = () => backend.upload(new Float32Array(2 * L * 16), shape);
  const x = { q: tensor(), k: tensor(), v: tensor() };
  const seed = tensor();
  backend.trim();
  const used = meter(backend.gpuDevice);
  used.reset();
  const before = used.bytes;
  const found = await backend.vjp(run as never, x, { y: seed }, ["q", "k", "v"]);
  const result = { bytes: used.peakBytes - before, dispatches: used.dispatches };
  for (const t of [...Object.values(found), ...Object.values(x), seed]) backend.free(t);
  return result;
}

const options: Readonly<Record<string, readonly Options[]>> = {
  linear: [{}, { featureMap: "taylor2" }],
  polynomial: [
    { form: "quadratic", power: 3 },
    { form: "linear", power: 2 },
  ],
};
const cases = mechanisms.flatMap((about) =>
  (options[about.name] ?? [{}]).flatMap((given) =>
    ([true, false] as const).map((causal) => ({ name: about.name, about, given, causal })),
  ),
);

describe.each(cases)("$name $given, causal $causal", ({ about, given, causal }) => {
  test("twice the tokens take at most 2.2 times the bytes", async () => {
    const mechanism = (await about.kernels!.webgpu!())(given as never) as Mechanism;
    const [a, b, c] = [
      await use(mechanism, 1024, causal),
      await use(mechanism, 2048, causal),
      await use(mechanism, 4096, causal),
    ];
    expect(b.bytes / a.bytes).toBeLessThan(2.2);
    expect(c.bytes / b.bytes).toBeLessThan(2.2);
    // States of products of channels are larger than those of channels.
    const tensors = given.form === "linear" || given.featureMap === "taylor2" ? 11 : 10;
    expect(c.bytes).toBeLessThan(tensors * 4 * 2 * 4096 * 16); // in tensors as large as q
    expect(c.dispatches).toBe(a.dispatches);
    expect(c.dispatches).toBeLessThan(16);
  });
});
