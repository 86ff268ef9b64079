import type { Backend } from "@attnkit/core";
import type { Call } from "@attnkit/core/program";
import { acceptable, dispatch, gpuFacts, grid, type Host, hostOf, operation, type Storage } from "@attnkit/wgsl";
import { describe, expect, test } from "vitest";

interface Fake {
  readonly storage: Storage;
  readonly offset: number;
}

/** A device that records what it is asked for. */
function recorder(limits: Partial<GPUSupportedLimits> = {}) {
  const modules: string[] = [];
  const groups: GPUBindGroupEntry[][] = [];
  const device = {
    features: new Set<string>(),
    limits: { maxComputeWorkgroupsPerDimension: 65535, ...limits },
    createShaderModule: ({ code }: GPUShaderModuleDescriptor) => void modules.push(code),
    createComputePipeline: () => ({ getBindGroupLayout: () => ({}) }),
    createBindGroup: ({ entries }: { entries: GPUBindGroupEntry[] }) => groups.push(entries),
  } as unknown as GPUDevice;
  const parameters: ArrayBuffer[] = [];
  const host = {
    device,
    storage: (x) => x.storage,
    binding: ({ offset }) => ({ buffer: {} as GPUBuffer, offset, size: 16 }),
    uniform(data) {
      parameters.push(data);
      return { buffer: {} as GPUBuffer, offset: 512, size: data.byteLength };
    },
    encode() {},
    scope: (make) => make(),
  } as Partial<Host<Fake>> as Host<Fake>;
  return { host, modules, groups, parameters };
}

const x = (storage: Storage, offset = 0): Fake => ({ storage, offset });

describe("dispatch", () => {
  test("declares each tensor as it is stored, and vectors of four where they are asked for", () => {
    const { host, modules } = recorder();
    dispatch(host, {
      ...{ name: "n", code: "/* own */", workgroups: [1], vec4: ["q"], sizes: { L: 3 }, floats: { scale: 0.5 } },
      inputs: { q: x("float32"), mask: x("boolean"), half: x("float16") },
      outputs: { y: x("float32") },
    });
    const lines = modules[0]!.split("\n");
    expect(lines.slice(0, 6)).toEqual([
      "struct Parameters { L: u32, scale: f32, }",
      "@group(0) @binding(0) var<storage, read> q: array<vec4f>;",
      "@group(0) @binding(1) var<storage, read> mask: array<i32>;",
      "@group(0) @binding(2) var<storage, read> half: array<u32>;",
      "@group(0) @binding(3) var<storage, read_write> y: array<f32>;",
      "@group(0) @binding(4) var<uniform> p: Parameters;",
    ]);
    expect(modules[0]).toContain("/* own */");
  });

  test("declares the functions that the code calls, for each storage", () => {
    const { host, modules } = recorder();
    const code = "q_at4(i); mask_at(i); half_at(i); y_put(i, x); z_put4(i, x); w_put2(i, x);";
    dispatch(host, {
      ...{ name: "n", code, workgroups: [1], vec4: ["q", "z"] },
      inputs: { q: x("float16"), mask: x("boolean"), half: x("float16") },
      outputs: { y: x("float16"), z: x("float16"), w: x("float16") },
    });
    const bound = [...modules[0]!.matchAll(/> (\w+: array<[^;]*);/g)].map((m) => m[1]);
    expect(bound).toEqual([
      ...["q: array<vec2u>", "mask: array<i32>", "half: array<u32>"],
      ...["y: array<atomic<u32>>", "z: array<vec2u>", "w: array<u32>"],
    ]);
    const functions = [...modules[0]!.matchAll(/^fn (\w+_(?:at|put)\d?)\(/gm)].map((m) => m[1]);
    expect(functions).toEqual(["q_at4", "mask_at", "half_at", "y_put", "z_put4", "w_put2"]);
  });

  test("binds tensors and parameters where they start", () => {
    const { host, groups, parameters } = recorder();
    dispatch(host, {
      ...{ name: "n", code: "", workgroups: [1], sizes: { a: 7 }, floats: { b: -0.5 } },
      ...{ inputs: { q: x("float32", 256) }, outputs: { y: x("float32", 1024) } },
    });
    expect(groups[0]!.map(({ resource }) => (resource as GPUBufferBinding).offset)).toEqual([256, 1024, 512]);
    expect(parameters[0]!.byteLength).toBe(16);
    expect(new Uint32Array(parameters[0]!)[0]).toBe(7);
    expect(new Float32Array(parameters[0]!)[1]).toBe(-0.5);
  });

  test("a text is compiled once per device, whatever its parameters", () => {
    const [one, other] = [recorder(), recorder()];
    const run = ({ host }: typeof one, n: number) =>
      dispatch(host, { name: "n", code: "", inputs: {}, outputs: { y: x("float32") }, sizes: { n }, workgroups: [n] });
    for (const n of [1, 2, 3]) run(one, n);
    run(other, 1);
    expect([one.modules.length, other.modules.length]).toEqual([1, 1]);
  });
});

test("grid: at least n workgroups, within the limit of each axis", () => {
  const { host } = recorder({ maxComputeWorkgroupsPerDimension: 100 });
  for (const n of [1, 100, 101, 9999]) {
    const [a, b] = grid(host, n);
    expect(a * b).toBeGreaterThanOrEqual(n);
    expect(Math.max(a, b)).toBeLessThanOrEqual(100);
  }
});

test("gpuFacts: what a binding may hold, and subgroups of one known size alone", () => {
  const limits = {
    maxComputeWorkgroupStorageSize: 16384,
    maxStorageBufferBindingSize: 2 ** 27,
    maxBufferSize: 2 ** 26,
    maxStorageBuffersPerShaderStage: 10,
  };
  const device = (least: number, most: number) =>
    ({
      limits,
      features: new Set(["subgroups"]),
      adapterInfo: { subgroupMinSize: least, subgroupMaxSize: most },
    }) as never;
  expect(gpuFacts(device(32, 32))).toEqual({
    ...{ subgroups: 32, workgroupMemory: 16384 },
    ...{ largestBuffer: 2 ** 26, buffers: 10 },
  });
  expect(gpuFacts(device(4, 128)).subgroups).toBeUndefined();
});

describe("acceptable", () => {
  const { host } = recorder();
  const call = (n: number) => ({ shapes: { q: [n, 2], k: [3, 2], v: [3, 2] } }) as unknown as Call;
  const backend = (more: object) => ({ name: "mine", dtype: "float32", ...more }) as unknown as Backend<unknown>;
  const on = { webgpuHost: () => host };
  test.each([
    ["a backend without tensors on a GPU", backend({}), call(1), "mine has no WebGPU tensors"],
    ["a host that has none now", backend({ webgpuHost: () => "lost" }), call(1), "lost"],
    [
      "another float type",
      backend({ ...on, dtype: "float64" }),
      call(1),
      "mine stores float64; this kernel reads float32 and float16",
    ],
    ["an axis of size 0", backend(on), call(0), "q [0, 2] has no elements"],
    ["the kernel's own reason", backend(on), call(1), "odd"],
  ])("%s", (_, backend, call, why) => expect(acceptable(call, backend, () => "odd")).toBe(why));
  test("hostOf gives the host", () => expect(hostOf(backend(on))).toBe(host));
});

test("an operation is one entry of a tape that is recording, and a scope elsewhere", () => {
  const { host } = recorder();
  const op = { inputs: {}, forward: () => ({ y: x("float32", 1) }), backward: () => ({}) };
  const tape = (recording: boolean) =>
    ({ ...host, tape: { recording, record: () => ({ y: x("float32", 2) }) } }) as unknown as Host<Fake>;
  expect(operation(host, op).y!.offset).toBe(1);
  expect(operation(tape(false), op).y!.offset).toBe(1);
  expect(operation(tape(true), op).y!.offset).toBe(2);
});
