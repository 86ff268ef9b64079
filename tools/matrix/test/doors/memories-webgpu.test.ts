import { backends } from "@attnkit/catalog";
import { cpu } from "@attnkit/cpu";
import { linear } from "@attnkit/linear/webgpu";
import { softmax } from "@attnkit/softmax/webgpu";
import { expect, test, vi } from "vitest";
import { called, everyPair, type Setup, type Step, sizes } from "./memories.ts";

vi.setConfig({ testTimeout: 120_000 });

/** Pipelines and texts are kept per device, so that no backend is fresh: the cpu backend says what is right. */
const create = backends.find((b) => b.name === "tfjs-webgpu")!.create;

const quadratic: readonly Step[] = [
  { shapes: sizes() },
  { shapes: { ...sizes(), mask: [2, 1, 2, 5] } },
  { shapes: { ...sizes({ P: 5 }), mask: [2, 1, 2, 5] } },
  { shapes: { ...sizes({ P: 5 }), mask: [2, 1, 2, 7] } },
  { shapes: { ...sizes(), mask: [5] } },
  { shapes: { ...sizes(), bias: [5] } },
  { shapes: { ...sizes({ P: 1 }), bias: [5] } },
  { shapes: { ...sizes(), keyMask: [2, 2] } },
  { shapes: sizes({ L: 3 }) },
  { by: "window", shapes: sizes() },
];
const folded: readonly Step[] = [1, 5].flatMap((L) => [
  { shapes: sizes({ L, P: 0 }) },
  { by: "lse", shapes: sizes({ L, P: 0 }) },
  { shapes: { ...sizes({ L, P: 0 }), keyMask: [2, L] } },
]);

const setups: readonly (readonly [string, Setup["attentions"], readonly Step[]])[] = [
  [
    "softmax",
    { "": () => [softmax(), { causal: true }], window: () => [softmax({ window: [1, 0] }), { causal: true }] },
    quadratic,
  ],
  ["linear", { "": () => [linear(), { causal: true }], lse: () => [linear(), { causal: true, lse: true }] }, folded],
];

test.each(setups)("%s: each call after each other one is right", async (_, attentions, steps) => {
  const right = await called({ create: () => cpu(), attentions });
  const warm = await called({ create, attentions });
  for (const i of everyPair(steps.length)) {
    const [got, expected] = [await warm(steps[i]!), await right(steps[i]!)];
    expect(Object.keys(got)).toEqual(Object.keys(expected));
    for (const [name, values] of Object.entries(expected)) {
      if (typeof values === "string") {
        expect(code(got[name])).toBe(code(values));
        continue;
      }
      const numbers = got[name] as readonly number[];
      expect(numbers).toHaveLength(values.length);
      for (const [n, x] of numbers.entries())
        expect(Math.abs(x - (values[n] as number)), `${name} ${n} of call ${i}`).toBeLessThan(1e-4);
    }
  }
});

const code = (error: unknown): string => String(error).split(":")[0]!;
