import { backends, mechanisms } from "@attnkit/catalog";
import { attention } from "@attnkit/core";
import { conformance } from "@attnkit/core/conformance";
import type { Tensor } from "@attnkit/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000 });

const entry = backends.find((b) => b.name === "tfjs-webgpu")!;
const { name, create, expectedFailures = [] } = entry;
const first = await rows(entry, "first");

/** Between them they run each kernel for a prefill and for a decode step, with and without key masks, and its gradient. */
const LAWS = ["oracle", "partition", "key-mask", "gradient"];

describe(name, () => {
  test("programs run on the WebGPU adapter, and none on the CPU", async () => {
    const adapter = await navigator.gpu.requestAdapter();
    expect(adapter, "no WebGPU adapter: the tests would prove nothing").not.toBeNull();
    const backend = await create();
    console.log(`${backend.name}: ${backend.device}`);
    expect(tf.getBackend()).toBe("webgpu");
    expect(tf.env().getBool("WEBGPU_CPU_FORWARD")).toBe(false);
    expect(backend.device).toContain(adapter!.info.vendor);

    const gpu = tf.backend() as tf.KernelBackend & { runWebGPUProgram(...args: unknown[]): unknown; device: GPUDevice };
    const programs = vi.spyOn(gpu, "runWebGPUProgram");
    const submits = vi.spyOn(gpu.device.queue, "submit");
    const x = () => backend.upload(Float32Array.from({ length: 24 }, Math.sin), [1, 2, 4, 3]);
    const { y } = await attention(mechanisms[0]!.create(), backend, { causal: true })({ q: x(), k: x(), v: x() });
    expect(programs.mock.calls.length).toBeGreaterThan(5);
    const { kernels } = await tf.profile(() => backend.ops!.exp(y) as Tensor);
    expect(kernels.map((k) => k.name)).toContain("Exp");
    await backend.download(y);
    expect(submits.mock.calls.length).toBeGreaterThan(0);
    vi.restoreAllMocks();
  });

  // Node runs the first case of every law, on the same shaders and the same software adapter. Chromium compiles them with
  // another version of Dawn: here each operation is tested in full, and of each mechanism the first case of these laws.
  conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [] });
  for (const row of first) {
    for (const law of LAWS) {
      const filter = { mechanism: row.mechanism.name, law, case: 0 };
      conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [row], expectedFailures }, filter);
    }
  }
});
