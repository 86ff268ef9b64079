/** The float types that a backend declares: each makes a backend that computes in it, and every other one is refused. */
import { backends } from "@attnkit/catalog";
import { type Backend, type DType, isAttentionError } from "@attnkit/core";
import { runConformance } from "@attnkit/core/conformance";
import { cpu } from "@attnkit/cpu";
import { onnx } from "@attnkit/onnx";
import * as ort from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { describe, expect, test, vi } from "vitest";

// The first session of a WebAssembly runtime on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const ALL: readonly DType[] = ["float16", "float32", "float64"];

/** The law of the suite on a backend and its factory: failures, none where both sides hold. */
async function broken(backend: () => Backend<unknown>, backendIn: (dtype: DType) => unknown): Promise<unknown[]> {
  const subject = { backend, backendIn: backendIn as () => Backend<unknown>, mechanisms: [] };
  const { cases } = await runConformance(subject, { filter: ({ title }) => title === "float types" });
  expect(cases).toHaveLength(1);
  return cases.filter(({ status }) => status !== "pass");
}

test("the factory of cpu", async () => {
  expect(cpu().supports.dtypes).toEqual(["float32", "float64"]);
  expect(await broken(cpu, (dtype) => cpu({ dtype: dtype as "float32" }))).toEqual([]);
});

test.each([
  ["cpu", ort, ["float32", "float64"]],
  ["wasm", web, ["float32", "float64"]],
] as const)("the factory of onnx on %s", async (provider, runtime, declared) => {
  const make = (dtype: DType) =>
    onnx({ ort: runtime, executionProviders: [provider], dtype: dtype as "float32" }) as Backend<unknown>;
  expect(make("float32").supports.dtypes).toEqual(declared);
  expect(await broken(() => make("float32"), make)).toEqual([]);
});

test("onnx on webgpu has no float64, and says so before it makes a session", () => {
  const make = (dtype: "float32" | "float64") => onnx({ ort, executionProviders: ["webgpu"], dtype });
  expect(make("float32").supports.dtypes).toEqual(["float32"]);
  expect(() => make("float64")).toThrow(/option dtype is "float64"; expected float32 on webgpu/);
});

describe.each(backends)("$name of the catalog", ({ name, dtypes, places, create }) => {
  test.each(ALL.filter((dtype) => !dtypes.includes(dtype)))("refuses %s", async (dtype) => {
    const error = await create({ dtype }).catch((reason: unknown) => reason);
    expect(isAttentionError(error, "ATTN_OPTION"), String(error)).toBe(true);
    expect(String(error)).toContain(`${name}: option dtype is "${dtype}"; expected one of "float32"`);
  });

  // The conformance files make the others, which need a GPU or a page.
  if (!places.includes("node") || name.endsWith("webgpu")) return;
  test.each(dtypes)("is made in %s, which its factory declares", async (dtype) => {
    const backend = await create({ dtype });
    expect(backend.dtype).toBe(dtype);
    expect(backend.supports.dtypes ?? [backend.dtype]).toContain(dtype);
    const third = await backend.download(backend.upload(Float64Array.of(1 / 3), [1]));
    expect(third[0]).toBe(dtype === "float64" ? 1 / 3 : Math.fround(1 / 3));
  });
});
