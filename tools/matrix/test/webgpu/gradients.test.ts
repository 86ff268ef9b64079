/** The gradients that kernels compute, on a device whose memory holds NaN, and their dispatches. */

import { backends, creator, mechanisms } from "@attnkit/catalog";
import { attention, type Options, type Tensors } from "@attnkit/core";
import { blockOfNames, mechanismProgram, namesOfResult, vjp } from "@attnkit/core/backend";
import { random } from "@attnkit/core/conformance";
import { cpu } from "@attnkit/cpu";
import { type Meter, meter } from "@attnkit/measure/gpu-meter";
import { type GpuTensor, type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { beforeAll, expect, test, vi } from "vitest";
import { poisonDevice } from "./poison.ts";
import { drawn, type Wanted } from "./quadratic.ts";

// A software adapter that shares two cores with other files, and compiles slowly.
vi.setConfig({ testTimeout: 60_000 });

const entry = backends.find((b) => b.name === "webgpu")!;
let backend: WebgpuBackend;
let halves: WebgpuBackend;
let used: Meter;
const errors: string[] = [];

beforeAll(async () => {
  backend = (await entry.create()) as WebgpuBackend;
  halves = webgpu({ device: backend.gpuDevice, dtype: "float16" });
  used = meter(backend.gpuDevice);
  backend.gpuDevice.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
  poisonDevice(backend.gpuDevice);
});

interface Wants extends Wanted {
  /** Dispatches of the call and of its gradient together. */
  readonly dispatches: number;
  /** q and k are multiplied by this. Default 1. */
  readonly size?: number;
  /** Tensors are stored as halves. */
  readonly halves?: true;
}

const TAYLOR2: Options = { featureMap: "taylor2" };

const table: readonly (readonly [name: string, options: Options, wanted: Wants])[] = [
  ["softmax", {}, { L: 33, causal: true, Hq: 4, Hkv: 2, d: 8, dv: 12, lse: true, dispatches: 4 }],
  ["softmax", { window: [9, 3] }, { L: 31, causal: false, mask: true, d: 8, dv: 8, dispatches: 5 }],
  ["polynomial", QUADRATIC(3), { L: 33, causal: true, Hq: 4, Hkv: 2, d: 8, dv: 12, dispatches: 4 }],
  ["polynomial", QUADRATIC(2), { L: 31, S: 40, causal: "end", mask: true, d: 7, dv: 5, dispatches: 4 }],
  ["linear", {}, { L: 5, causal: true, d: 4, dv: 4, dispatches: 7 }],
  ["linear", {}, { L: 70, causal: true, Hq: 4, Hkv: 2, keyMask: true, lse: true, d: 5, dv: 66, dispatches: 15 }],
  [
    "linear",
    { featureMap: "identity", normalize: false, scale: 0.5 },
    { L: 130, S: 70, causal: "end", d: 17, dv: 3, dispatches: 12 },
  ],
  [
    "linear",
    { featureMap: "exp", scale: 2 },
    { L: 70, S: 130, causal: "end", lse: true, d: 66, dv: 4, dispatches: 15 },
  ],
  [
    "linear",
    { featureMap: "relu" },
    { L: 70, S: 300, causal: false, Hq: 4, Hkv: 2, keyMask: true, d: 8, dv: 8, dispatches: 15 },
  ],
  ["linear", TAYLOR2, { L: 5, causal: true, d: 4, dv: 4, dispatches: 7 }],
  ["linear", TAYLOR2, { L: 100, causal: true, Hq: 4, Hkv: 2, keyMask: true, lse: true, d: 4, dv: 66, dispatches: 15 }],
  ["linear", TAYLOR2, { L: 200, S: 300, causal: "end", lse: true, d: 17, dv: 3, dispatches: 15 }],
  ["linear", TAYLOR2, { L: 70, S: 300, causal: false, Hq: 4, Hkv: 2, keyMask: true, d: 8, dv: 8, dispatches: 15 }],
  [
    "linear",
    { featureMap: "taylor2", normalize: false, scale: 0.5 },
    { L: 130, S: 90, causal: "end", keyMask: true, d: 3, dv: 5, dispatches: 12 },
  ],
  ["polynomial", LINEAR(2), { L: 150, causal: true, Hq: 4, Hkv: 2, keyMask: true, d: 4, dv: 4, dispatches: 15 }],
  ["polynomial", LINEAR(2), { L: 210, S: 200, causal: "end", d: 10, dv: 3, dispatches: 12 }],
  [
    "polynomial",
    LINEAR(2),
    { L: 300, S: 330, causal: false, Hq: 4, Hkv: 2, keyMask: true, d: 6, dv: 5, dispatches: 15 },
  ],
  ["polynomial", LINEAR(1), { L: 150, causal: true, d: 66, dv: 4, dispatches: 12 }],
  ["polynomial", LINEAR(3), { L: 200, causal: true, Hq: 4, Hkv: 2, keyMask: true, d: 5, dv: 4, dispatches: 15 }],
  ["polynomial", LINEAR(3), { L: 180, S: 200, causal: false, d: 5, dv: 5, dispatches: 12 }],
  [
    "polynomial",
    { coefficients: [0.5, -1, 0.25, 0.125], normalizer: 64, form: "linear" },
    { L: 300, S: 280, causal: "end", keyMask: true, d: 5, dv: 4, dispatches: 12 },
  ],
  [
    "polynomial",
    { coefficients: [1, 0, 0, 0.5], form: "linear" },
    { L: 160, causal: true, keyMask: true, d: 4, dv: 4, dispatches: 15 },
  ],
  // The sums of weights are above 65504, the largest half.
  ["linear", { featureMap: "relu" }, { L: 70, causal: true, d: 4, dv: 4, size: 100, halves: true, dispatches: 15 }],
  ["linear", TAYLOR2, { L: 70, causal: false, d: 4, dv: 4, size: 30, halves: true, dispatches: 15 }],
  ["logsumexp", {}, { L: 70, causal: true, Hq: 4, Hkv: 2, keyMask: true, lse: true, d: 5, dv: 66, dispatches: 12 }],
  ["logsumexp", {}, { L: 130, S: 70, causal: "end", d: 17, dv: 3, dispatches: 15 }],
  ["logsumexp", {}, { L: 70, S: 130, causal: "end", lse: true, d: 66, dv: 4, dispatches: 12 }],
  ["logsumexp", {}, { L: 70, S: 300, causal: false, Hq: 4, Hkv: 2, keyMask: true, d: 8, dv: 8, dispatches: 15 }],
  ["logsumexp", {}, { L: 70, causal: true, d: 5, dv: 4, size: 100, lse: true, dispatches: 12 }],
  ["elementwise", {}, { L: 70, causal: true, keyMask: true, d: 4, dv: 4, size: 6, dispatches: 9 }],
  ["elementwise", {}, { L: 5, causal: true, d: 4, dv: 4, dispatches: 7 }],
  ["elementwise", {}, { L: 150, causal: true, Hq: 4, Hkv: 2, keyMask: true, lse: true, d: 5, dv: 5, dispatches: 10 }],
  ["elementwise", { order: 2 }, { L: 70, S: 130, causal: "end", lse: true, d: 4, dv: 4, dispatches: 10 }],
  ["elementwise", {}, { L: 130, S: 70, causal: "end", d: 4, dv: 4, dispatches: 9 }],
  ["elementwise", {}, { L: 70, S: 130, causal: false, Hq: 4, Hkv: 2, keyMask: true, d: 4, dv: 4, dispatches: 9 }],
  ["elementwise", {}, { L: 130, S: 33, causal: false, d: 4, dv: 4, lse: true, dispatches: 8 }],
];

function LINEAR(power: number): Options {
  return { power, form: "linear" };
}

function QUADRATIC(power: number): Options {
  return { power, form: "quadratic" };
}

test.each(table)("%s %j %j", async (name, options, wanted) => {
  const about = mechanisms.find((m) => m.name === name)!;
  const mechanism = (await creator(about, entry))(options);
  const source = random(JSON.stringify([name, options, wanted]));
  const { q: rawQ, k: rawK, v, mask, keyMask } = drawn(source, wanted).own;
  const { size = 1, halves: areHalves = false } = wanted;
  const tolerance = areHalves ? 1e-2 : 1e-5 * size;
  const on = areHalves ? halves : backend;
  const [q, k] = [rawQ, rawK].map(({ shape, data }) => ({
    shape,
    data: Float64Array.from(data, (x) => Math.fround(x * size)),
  }));
  const given = Object.fromEntries(Object.entries({ q, k, v, mask, keyMask }).flatMap(([n, x]) => (x ? [[n, x]] : [])));
  const how = { causal: wanted.causal, lse: wanted.lse ?? false, state: false as const };

  const exact = cpu({ dtype: "float64" });
  const program = mechanismProgram(mechanism, how);
  const inputs = Object.fromEntries(
    Object.entries(given).map(([n, { data, shape }]) => [n, exact.upload(data, shape)]),
  );
  const made = program(exact.ops, inputs);
  const seeds = Object.fromEntries(
    Object.entries(made).map(([n, { data, shape }]) => [
      n,
      // A row that sees nothing has no lse to follow.
      exact.upload(
        Float64Array.from(data, (x) => (Number.isFinite(x) ? Math.fround(source.normal()) : 0)),
        shape,
      ),
    ]),
  );
  const wrt = ["q", "k", "v"];
  const expected = vjp(exact.ops, program, inputs, seeds, wrt);

  const attend = attention(mechanism, on, { ...how, kernels: "require" });
  const run = (_: unknown, x: Tensors<GpuTensor>): Tensors<GpuTensor> =>
    namesOfResult({ ...attend.sync(blockOfNames(x)), state: {} });
  const up = (x: Tensors<{ readonly data: ArrayLike<number>; readonly shape: readonly number[] }>) =>
    Object.fromEntries(Object.entries(x).map(([n, { data, shape }]) => [n, on.upload(data as Float64Array, shape)]));
  const [x, s] = [up(given), up(seeds)];
  used.reset();
  const got = await on.vjp(run as never, x, s, wrt);
  const { dispatches } = used;
  for (const n of wrt) {
    const e = expected[n]!.data as Float64Array;
    const g = await on.download(got[n]!);
    const largest = e.reduce((a, b) => Math.max(a, Math.abs(b)), 1);
    const wrong = Array.from(e, (_, i) => i).filter((i) => !(Math.abs(g[i]! - e[i]!) <= tolerance * largest));
    expect(
      wrong.map((i) => `${n}[${i}]: ${g[i]}, expected ${e[i]}`).slice(0, 5),
      `${wrong.length} of ${e.length}`,
    ).toEqual([]);
  }
  expect(errors).toEqual([]);
  expect(dispatches).toBe(wanted.dispatches);
});
