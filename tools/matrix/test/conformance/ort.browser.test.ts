import { type BackendEntry, backends, mechanisms } from "@attnkit/catalog";
import { attention, type Backend, isAttentionError, type Options } from "@attnkit/core";
import { conformance, runVectors } from "@attnkit/core/conformance";
import { onnx } from "@attnkit/onnx";
import * as ort from "onnxruntime-web/webgpu";
import { describe, expect, test, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";
import { expected } from "../vectors/vector-case.ts";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000 });

const named = (name: string): BackendEntry => backends.find((b) => b.name === name)!;
const wave = (backend: Backend<unknown>) =>
  backend.upload(
    Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
    [1, 2, 4, 3],
  );

describe("ort-webgpu in the browser", () => {
  test("its programs run on the WebGPU adapter, and none on the CPU", async () => {
    const adapter = await navigator.gpu.requestAdapter();
    expect(adapter, "no WebGPU adapter: the tests would prove nothing").not.toBeNull();
    const backend = await named("ort-webgpu").create();
    console.log(`${backend.name}: ${backend.device}`);
    expect(backend.device).toContain(adapter!.info.vendor);

    const dispatches = vi.spyOn(GPUComputePassEncoder.prototype, "dispatchWorkgroups");
    const x = () => wave(backend);
    const { y } = await attention(mechanisms[0]!.create(), backend, { causal: true })({ q: x(), k: x(), v: x() });
    await backend.download(y);
    expect(dispatches.mock.calls.length).toBeGreaterThan(5);
    vi.restoreAllMocks();
  });

  test("a float type that the provider lacks is refused, and the next backend serves", async () => {
    let refusal: unknown;
    try {
      onnx({ ort, dtype: "float64", executionProviders: ["webgpu"] });
    } catch (error) {
      refusal = error;
    }
    expect(isAttentionError(refusal, "ATTN_OPTION"), String(refusal)).toBe(true);
    expect((refusal as Error).message).toMatch(/float64.*float32 on webgpu/);
    const backend = await named("ort-webgpu").create();
    const one = wave(backend);
    const { y } = await attention(mechanisms[0]!.create(), backend)({ q: one, k: one, v: one });
    expect(await backend.download(y)).toHaveLength(24);
  });
});

test.each(["ort-wasm", "ort-webgpu"])("%s: golden vectors, as `runVectors` reads them", async (name) => {
  const backend = await named(name).create();
  const cases = mechanisms.flatMap((m) => m.variants.slice(0, 2).map((o) => expected(m.name, o, "float32", 0)));
  const mechanism = (wanted: string, options: Options) => mechanisms.find((m) => m.name === wanted)?.create(options);
  const results = await runVectors(cases, { backend, mechanism });
  expect(results.filter((r) => r.status !== "pass")).toEqual([]);
  expect(results.length).toBe(cases.length);
});

const first = await rows({ kind: "onnx" }, "first");

// Node runs every case of the same programs on ort-cpu, and each operation in full on the same WebAssembly. Here the first case
// of every law for each mechanism, and on WebGPU each operation in full: the software adapter takes its time.
for (const name of ["ort-wasm", "ort-webgpu"]) {
  describe(name, () => {
    const { create } = named(name);
    if (name === "ort-webgpu") conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [] });
    for (const row of first) {
      const filter = { mechanism: row.mechanism.name, case: 0 };
      conformance(runnerOf(import.meta.url), { backend: create, mechanisms: [row] }, filter);
    }
  });
}
