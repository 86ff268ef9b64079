import type { Backend, Tensors } from "@attnkit/core";
import type { Program } from "@attnkit/core/backend";
import { cpu } from "@attnkit/cpu";
import { linear } from "@attnkit/linear/onnx";
import { onnx } from "@attnkit/onnx";
import { softmax as portable } from "@attnkit/softmax";
import { softmax as fused } from "@attnkit/softmax/onnx";
import { tfjs } from "@attnkit/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-node";
import "@tensorflow/tfjs-backend-cpu";
import { expect, test } from "vitest";
import { called, everyPair, quadraticSteps, type Setup, type Step, sizes } from "./memories.ts";

const threads = { intraOpNumThreads: 1, interOpNumThreads: 1 };
const ortCpu = (maxSessions = 64) => onnx({ ort, sessionOptions: threads, maxSessions }) as Backend<unknown>;

/** Attentions on one backend that differ from the first in one option. */
const softmaxes = (softmax: typeof portable): Setup["attentions"] => ({
  "": () => [softmax(), { causal: true }],
  "sees all": () => [softmax()],
  end: () => [softmax(), { causal: "end" }],
  lse: () => [softmax(), { causal: true, lse: true }],
  never: () => [softmax(), { causal: true, kernels: "never" }],
  scale: () => [softmax({ scale: 0.3 }), { causal: true }],
  softcap: () => [softmax({ softcap: 2 }), { causal: true }],
  window: () => [softmax({ window: [1, 0] }), { causal: true }],
});

const others: readonly Step[] = ["sees all", "end", "lse", "never", "scale", "softcap", "window"].flatMap((by) =>
  [sizes(), sizes({ L: 1 })].map((shapes) => ({ by, shapes })),
);

const lengths = [1, 2, 31, 32, 33, 63, 64, 65, 128, 129];
const linears: readonly Step[] = [
  ...lengths.map((L) => ({ shapes: sizes({ L, P: 0 }) })),
  ...lengths.slice(0, 8).map((L) => ({ shapes: { ...sizes({ L, P: 0 }), keyMask: [2, L] } })),
  ...["sees all", "lse", "relu"].flatMap((by) => [1, 33, 64].map((L) => ({ by, shapes: sizes({ L, P: 0 }) }))),
  ...[{ B: 1 }, { d: 8 }, { dv: 4 }, { Hq: 2 }, { L: 33, S: 64 }].map((more) => ({
    shapes: sizes({ L: 64, P: 0, ...more }),
  })),
];

const setups: readonly (readonly [string, Setup, readonly Step[]])[] = [
  [
    "softmax on cpu",
    { create: () => cpu() as Backend<unknown>, attentions: softmaxes(portable) },
    [...quadraticSteps, ...others],
  ],
  [
    "softmax on tfjs-cpu",
    { create: () => tfjs({ tf }) as Backend<unknown>, attentions: softmaxes(portable) },
    [...quadraticSteps],
  ],
  ["softmax on ort-cpu", { create: () => ortCpu(), attentions: softmaxes(fused) }, [...quadraticSteps, ...others]],
  [
    "linear on ort-cpu, two sessions",
    {
      create: () => ortCpu(2),
      attentions: {
        "": () => [linear(), { causal: true }],
        "sees all": () => [linear()],
        lse: () => [linear(), { causal: true, lse: true }],
        relu: () => [linear({ featureMap: "relu" }), { causal: true }],
      },
    },
    linears.slice(0, 14),
  ],
  [
    "linear on ort-cpu",
    {
      create: () => ortCpu(),
      attentions: {
        "": () => [linear(), { causal: true }],
        "sees all": () => [linear()],
        lse: () => [linear(), { causal: true, lse: true }],
        relu: () => [linear({ featureMap: "relu" }), { causal: true }],
      },
    },
    linears,
  ],
];

test.each(setups)(
  "%s: each call after each other one is as on a fresh backend",
  async (name, setup, steps) => {
    const expected = [];
    for (const step of steps) expected.push(await (await called(setup))(step));
    const wrong = expected.filter((o) => typeof o.error === "string");
    for (const { error } of wrong) expect(error, name).toMatch(/^ATTN_/);
    expect(expected.length - wrong.length).toBeGreaterThan(wrong.length);
    const warm = await called(setup);
    let last: Step | undefined;
    for (const i of everyPair(steps.length)) {
      const step = steps[i]!;
      expect(await warm(step), `${JSON.stringify(step)} after ${JSON.stringify(last)}`).toEqual(expected[i]);
      last = step;
    }
  },
  120_000,
);

test("gradients on ort-cpu: one program, other names and shapes", async () => {
  const program: Program = (o, x) => ({ y: o.mul(x.a!, x.b!), z: o.add(x.a!, x.c ?? x.b!) });
  const up = (b: Backend<unknown>, shape: readonly number[], at: number) =>
    b.upload(
      Float32Array.from({ length: shape.reduce((p, n) => p * n, 1) }, (_, i) => i + at),
      shape,
    );
  const all = [
    [["a", "b"], ["y"], ["a"], [2]],
    [["a", "b"], ["y"], ["b"], [2]],
    [["a", "b"], ["z"], ["a"], [2]],
    [["a", "b"], ["y", "z"], ["a"], [2]],
    [["a", "b"], ["y"], ["a", "b"], [2]],
    [["a", "b"], ["y"], ["b", "a"], [2]],
    [["b", "a"], ["y"], ["a"], [2]],
    [["a", "b", "c"], ["z"], ["a"], [2]],
    [["a", "b"], ["y"], ["a"], [3]],
    [["a", "b"], ["y"], ["a"], [1, 2]],
  ] as const;
  const run = async (b: Backend<unknown>, [names, seeds, wrt, shape]: (typeof all)[number]) => {
    const given = (list: readonly string[]): Tensors<unknown> =>
      Object.fromEntries(list.map((n) => [n, up(b, shape, n.charCodeAt(0))]));
    const found = await b.vjp(program, given(names), given(seeds), wrt);
    const read = Object.entries(found).map(async ([n, x]) => [n, [...b.shape(x), ...(await b.download(x))]] as const);
    return Object.fromEntries(await Promise.all(read));
  };
  const expected = [];
  for (const one of all) expected.push(await run(ortCpu(), one));
  const warm = ortCpu();
  for (const i of everyPair(all.length)) expect(await run(warm, all[i]!)).toEqual(expected[i]);
});
