/**
 * Tiles and walks on a device with subgroups, which are of 4 threads on the software adapter, and on one without. Every
 * buffer holds NaN before it is written.
 */
import { creator, mechanisms } from "@attnkit/catalog";
import { attention, type Block, type Options } from "@attnkit/core";
import { allowance, oracle, type Past, random } from "@attnkit/core/conformance";
import { type GpuTensor, type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import {
  adapterKey,
  CALL_CLASSES,
  classOf,
  gpuFacts,
  type Tile,
  tileFor,
  tileMisfit,
  useTiles,
  type Walk,
} from "@attnkit/wgsl";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { create } from "webgpu";
import { useAdapter } from "../../../catalog/src/dawn.ts";
import { poisonDevice } from "./poison.ts";
import { drawn, type Wanted } from "./quadratic.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Dawn must not be collected while its devices are in use. */
let gpu: GPU;
const devices: GPUDevice[] = [];
const modules: string[] = [];
const errors: string[] = [];

async function deviceWith(requiredFeatures: GPUFeatureName[]): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter();
  const device = await adapter!.requestDevice({ requiredFeatures });
  device.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
  poisonDevice(device);
  const { createShaderModule } = device;
  const value = (d: GPUShaderModuleDescriptor) => {
    modules.push(d.code);
    return createShaderModule.call(device, d);
  };
  Object.defineProperty(device, "createShaderModule", { value });
  devices.push(device);
  return device;
}

const backends = {} as Record<"subgroups" | "none", WebgpuBackend>;

beforeAll(async () => {
  useAdapter();
  // Otherwise the software driver takes seconds per kernel to zero workgroup memory.
  gpu = create(["enable-dawn-features=disable_workgroup_init"]);
  backends.subgroups = webgpu({ device: await deviceWith(["subgroups"]) });
  backends.none = webgpu({ device: await deviceWith([]) });
});

afterEach(() => {
  for (const device of devices) useTiles(device, {});
  modules.length = 0;
});

afterAll(() => {
  for (const device of devices) device.destroy();
});

test("the two devices are what they are meant to be", () => {
  expect(gpuFacts(backends.subgroups.gpuDevice).subgroups).toBeGreaterThan(1);
  expect(gpuFacts(backends.none.gpuDevice).subgroups).toBeUndefined();
});

/** Makes every call of at most 64 channels use this tile or walk, if it is for as many rows. */
function use(device: GPUDevice, way: Tile | Walk): void {
  const names = CALL_CLASSES.filter(
    (name) => name.endsWith(" 64 channels") && /^(one|few) /.test(name) === "lanes" in way,
  );
  useTiles(device, { [adapterKey(device)]: Object.fromEntries(names.map((name) => [name, way])) });
}

type Values = Record<string, ArrayLike<number>>;

/** Runs a call and compares it with the reference. */
async function checked(backend: WebgpuBackend, name: string, options: Options, wanted: Wanted): Promise<Values> {
  const entry = mechanisms.find((m) => m.name === name)!;
  const mechanism = (await creator(entry, { kind: "webgpu" }))(options);
  const { causal, lse = false } = wanted;
  const { own, past } = drawn(random(JSON.stringify(wanted)), wanted);
  const before: Past[] = past ? [past] : [];
  const expected = oracle(entry.reference(options), { block: own, causal, past: before });
  const up = (x: { readonly data: Float64Array | Uint8Array; readonly shape: readonly number[] }) =>
    backend.upload(x.data, x.shape);
  const tensors = Object.fromEntries(Object.entries(own).map(([n, x]) => [n, up(x)])) as Record<
    "q" | "k" | "v",
    GpuTensor
  >;
  const block: Block<GpuTensor> = { ...tensors, ...(past && { state: { k: up(past.k), v: up(past.v) } }) };
  const got = await attention(mechanism, backend, { causal, lse, kernels: "require" })(block);
  const y = await backend.download(got.y);
  within(y, expected.y.data, (i) => allowance("float32", expected.terms, expected.scale.data[i]!));
  if (!lse) return { y };
  const scale = expected.lseScale!().data;
  const beside = await backend.download(got.lse!);
  within(beside, expected.lse!.data, (i) => allowance("float32", expected.terms, scale[i]!));
  return { y, lse: beside };
}

function within(got: ArrayLike<number>, expected: ArrayLike<number>, allowed: (i: number) => number): void {
  expect(got.length).toBe(expected.length);
  for (const [i, e] of Array.from(expected).entries()) {
    const close = got[i] === e || Math.abs(got[i]! - e) < allowed(i);
    if (!close) expect.fail(`entry ${i} is ${got[i]}, expected ${e}`);
  }
}

/** Column groups of which some share a subgroup of 4, some do not, and rows that do and do not fill vectors of four. */
const tiles: readonly Tile[] = [
  { rows: 4, rowGroups: 16, columnGroups: 8, slice: 16 },
  { rows: 2, rowGroups: 4, columnGroups: 32, slice: 8 },
  { rows: 8, rowGroups: 8, columnGroups: 4, slice: 16 },
  { rows: 1, rowGroups: 32, columnGroups: 2, slice: 4 },
];
/** Lanes that do and do not split the products; keys in parts and whole. */
const walks: readonly Walk[] = [
  { threads: 128, lanes: 2, keys: 64 },
  { threads: 64, lanes: 4, keys: 64 },
  { threads: 128, lanes: 16, keys: 4096 },
  { threads: 4, lanes: 4, keys: 32 },
];

const blocks: readonly (readonly [string, Options, Wanted])[] = [
  [
    "softmax",
    { window: [30, 3], softcap: 3 },
    { L: 37, causal: false, mask: true, keyMask: true, bias: true, past: 33, d: 8, dv: 12, lse: true },
  ],
  ["polynomial", { power: 3, form: "quadratic" }, { L: 35, causal: true, d: 9, dv: 7, keyMask: true }],
];
const tokens: readonly (readonly [string, Options, Wanted])[] = [
  ["softmax", {}, { L: 1, causal: true, past: 300, keyMask: true, d: 20, dv: 33, lse: true }],
  [
    "softmax",
    { window: [200, 3], softcap: 3 },
    { L: 3, S: 90, causal: "end", mask: true, keyMask: true, bias: true, past: 120, d: 8, dv: 12, lse: true },
  ],
  ["polynomial", { power: 3, form: "quadratic" }, { L: 1, Hq: 8, Hkv: 2, causal: true, past: 200, d: 8, dv: 8 }],
  ["polynomial", { coefficients: [1, 1, 0.5] }, { L: 2, causal: "end", past: 70, d: 5, dv: 4, mask: true, bias: true }],
];

describe.each(["subgroups", "none"] as const)("%s", (kind) => {
  const cases = [
    ...tiles.map((way, n) => [way, ...blocks[n % 2]!] as const),
    ...walks.flatMap((way, n) => [0, 2].map((m) => [way, ...tokens[m + (n % 2)]!] as const)),
  ];
  test.each(cases)("%o: %s %o %o", async (way, name, options, wanted) => {
    const backend = backends[kind];
    use(backend.gpuDevice, way);
    await checked(backend, name, options, wanted);
    const shuffles = modules.some((code) => code.includes("subgroupShuffleXor"));
    const shared = ("lanes" in way ? way.lanes : way.columnGroups) > 1;
    expect(shuffles).toBe(kind === "subgroups" && shared);
    expect(errors).toEqual([]);
  });
});

/** Returns the number of barriers in the loop over tiles of keys, inner loops counted once. */
function barriers(code: string): number {
  const loop = code.slice(code.indexOf("for (var left"));
  let depth = 0;
  const end = Array.from(loop).findIndex((c) => (c === "{" ? ++depth : c === "}" && --depth) === 0);
  return loop.slice(0, end).split("workgroupBarrier()").length - 1;
}

describe("barriers", () => {
  const two = { d: 4, dv: 4, causal: true } as const;
  const textOf = async (kind: "subgroups" | "none", way: Tile | Walk, L: number) => {
    use(backends[kind].gpuDevice, way);
    // Another softcap is another text, which is not compiled yet.
    await checked(backends[kind], "softmax", { softcap: 7 }, { L, ...two });
    return modules.find((code) => code.includes("for (var left"))!;
  };
  const tile = { rows: 4, rowGroups: 16, columnGroups: 4, slice: 4 };

  test("a tile has two for its products, two for the row maxima and two for the values; shuffles save two", async () => {
    const packed = await textOf("none", tile, 17);
    expect(barriers(packed)).toBe(6);
    // Each thread reads the maxima of its four rows as one vector per column group.
    expect(packed.match(/all = max\(all, weights\[/g)?.length).toBe(1);
    modules.length = 0;
    const shuffled = await textOf("subgroups", tile, 17);
    expect(barriers(shuffled)).toBe(4);
  });

  test("a walk has none", async () => {
    for (const kind of ["subgroups", "none"] as const) {
      expect(barriers(await textOf(kind, { threads: 64, lanes: 2, keys: 64 }, 1))).toBe(0);
      modules.length = 0;
    }
  });
});

describe("tiles of a table", () => {
  const widest = { d: 256, dv: 256 };
  const portable = { threads: 128, lanes: 32, keys: 256 };

  test("are used for the calls of their class on their adapter, and only there", () => {
    const { gpuDevice: device } = backends.none;
    const walk = { threads: 64, lanes: 16, keys: 512 };
    const name = "few rows, 256 channels";
    expect(tileFor(device, 4, widest)).toEqual(portable);
    expect(useTiles(device, { [adapterKey(device)]: { [name]: walk } })).toEqual({ [name]: walk });
    expect(tileFor(device, 4, widest)).toEqual(walk);
    expect(tileFor(device, 1, widest)).not.toEqual(walk);
    expect(tileFor(backends.subgroups.gpuDevice, 4, widest)).toEqual(portable);
    expect(useTiles(device, { "another adapter": { [name]: walk } })).toEqual({});
    expect(tileFor(device, 4, widest)).toEqual(portable);
  });

  test("are refused with the rule that they break", () => {
    const { gpuDevice: device } = backends.none;
    const refused = (name: string, way: object) => () =>
      useTiles(device, { [adapterKey(device)]: { [name]: way } as never });
    const tile = { rows: 4, rowGroups: 16, columnGroups: 8, slice: 16 };
    const walk = { threads: 64, lanes: 16, keys: 512 };
    for (const [name, way, why] of [
      ["two rows, 64 channels", walk, /one of the classes one rows, 64 channels; /],
      ["one rows, 64 channels", tile, /powers of two: threads, lanes, keys/],
      ["many rows, 64 channels", walk, /powers of two: rows, rowGroups, columnGroups, slice/],
      ["many rows, 64 channels", { ...tile, rows: 3 }, /powers of two/],
      ["many rows, 64 channels", { ...tile, rowGroups: 64 }, /at most 256 threads of a workgroup/],
      ["many rows, 64 channels", { ...tile, columnGroups: 16 }, /at most 16384 bytes of workgroup memory, not \d+/],
      ["many rows, 64 channels", { ...tile, slice: 2 }, /a slice of at least 4 channels/],
      ["few rows, 256 channels", { ...walk, lanes: 1 }, /at most 32 vectors per thread, not 256/],
      ["one rows, 64 channels", { ...walk, lanes: 128 }, /at most 64 lanes/],
    ] as const)
      expect(refused(name, way)).toThrow(
        expect.objectContaining({ code: "ATTN_OPTION", message: expect.stringMatching(why) }),
      );
  });

  test("are refused by the same rules as the portable ones, which fit a device with default limits", () => {
    const { gpuDevice: device } = backends.none;
    for (const rows of [1, 4, 16, 1000])
      for (const d of [64, 128, 256]) {
        const name = classOf(rows, d);
        expect(CALL_CLASSES).toContain(name);
        expect(tileMisfit(device, name, tileFor(device, rows, { d, dv: d })), name).toBeUndefined();
      }
  });

  test("the widest heads fit 16 KiB of workgroup memory", async () => {
    await checked(backends.none, "softmax", {}, { L: 4, past: 9, causal: true, Hq: 1, ...widest });
    expect(errors).toEqual([]);
  });
});
