import { mechanisms } from "@attnkit/catalog";
import type { Block, State } from "@attnkit/core";
import { mechanismProgram, programCost } from "@attnkit/core/backend";
import { cpu } from "@attnkit/cpu";
import { describe, expect, test } from "vitest";

const backend = cpu();
const [B, Hq, Hkv, L, d] = [2, 4, 2, 37, 8];
const tensor = (shape: readonly number[], step: number) =>
  backend.upload(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1 + i * step)),
    shape,
  );
type T = ReturnType<typeof tensor>;
const block = (step: number, state?: State<T>): Block<T> => ({
  q: tensor([B, Hq, L, d], step),
  k: tensor([B, Hkv, L, d], 2 * step),
  v: tensor([B, Hkv, L, d], 3 * step),
  state,
});

const rows = mechanisms.flatMap(({ name, variants, create }) =>
  variants.map((options) => ({ name: `${name} ${JSON.stringify(options)}`, mechanism: create(options) })),
);

describe.each(rows)("$name without a state", ({ mechanism }) => {
  test.each([true, false, "end"] as const)("gives the outputs that it gives with one, causal %s", async (causal) => {
    const lse = mechanism.takes.lse === true;
    const first = mechanism.forward(backend.ops, block(0.7), { causal, lse });
    for (const x of [block(0.7), block(1.3, first.state)]) {
      const whole = mechanism.forward(backend.ops, x, { causal, lse, state: true });
      const alone = mechanism.forward(backend.ops, x, { causal, lse, state: false });
      expect(alone.state).toEqual({});
      for (const name of ["y", ...(lse ? (["lse"] as const) : [])] as const) {
        const [expected, got] = [await backend.download(whole[name]!), await backend.download(alone[name]!)];
        const scale = Math.max(1, ...Array.from(expected, Math.abs));
        expect(got.length).toBe(expected.length);
        got.forEach((v, i) => {
          expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-5 * scale);
        });
      }
    }
  });
});

test("polynomial at d = 64 counts fewer FLOP without its state, for 128 to 1024 tokens", () => {
  const { create, variants } = mechanisms.find(({ name }) => name === "polynomial")!;
  const mechanism = create(variants[0]);
  for (const tokens of [128, 512, 1024]) {
    const shape = [1, 8, tokens, 64];
    const flops = (state: boolean) =>
      programCost(mechanismProgram(mechanism, { causal: true, lse: false, state }), { q: shape, k: shape, v: shape })
        .flops;
    expect(flops(false)).toBeLessThan(flops(true) / 1.5);
  }
});
