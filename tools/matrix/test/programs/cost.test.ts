import { mechanisms } from "@attnkit/catalog";
import type { Mechanism } from "@attnkit/core";
import { mechanismProgram, programCost } from "@attnkit/core/backend";
import { describe, expect, test } from "vitest";

/** The cost promises of the mechanisms with a state of constant size, on shapes alone: nothing is timed. */
const linearTime = mechanisms.flatMap((entry) =>
  entry.variants
    .map((options) => ({ name: `${entry.name} ${JSON.stringify(options)}`, mechanism: entry.create(options) }))
    .filter(({ mechanism }) => !grows(mechanism)),
);

const [B, H, d] = [1, 2, 16];
const lengths = [1024, 4096, 16_384, 65_536];

describe.each(linearTime)("$name", ({ mechanism }) => {
  const prefill = (L: number, causal: boolean) => {
    const shape = [B, H, L, d];
    return programCost(mechanismProgram(mechanism, { causal, lse: false }), { q: shape, k: shape, v: shape });
  };

  test.each([true, false])("prefill, causal %s: FLOP and memory grow with the length, no faster", (causal) => {
    const first = prefill(lengths[0]!, causal);
    for (const L of lengths.slice(1)) {
      const grown = L / lengths[0]!;
      const now = prefill(L, causal);
      expect(now.flops).toBeLessThan(1.1 * grown * first.flops);
      expect(now.bytes).toBeLessThan(1.1 * grown * first.bytes);
      expect(now.largest).toBeLessThan(1.1 * grown * first.largest);
    }
  });

  test.each([true, false])("prefill, causal %s: no loop over tokens or chunks", (causal) => {
    const ops = lengths.map((L) => prefill(L, causal).ops);
    // At most one more level of the scan, some 25 operations, each time the length grows sixteenfold.
    expect(ops[2]! - ops[0]!).toBeLessThanOrEqual(30);
    expect(ops[3]! - ops[1]!).toBeLessThanOrEqual(30);
    // The causal element-wise series takes 32 steps over all chunks at once, some twelve operations each.
    expect(ops[3]).toBeLessThan(causal && mechanism.name === "elementwise" ? 500 : 200);
  });

  test("decode does not depend on what came before", () => {
    const one = [B, H, 1, d];
    const program = mechanismProgram(mechanism, { causal: true, lse: false });
    const token = { q: one, k: one, v: one };
    const { outputs } = programCost(program, token);
    const state = Object.fromEntries(Object.entries(outputs).filter(([name]) => name.startsWith("state.")));
    const after = programCost(program, { ...token, ...state });
    expect(Object.keys(state).length).toBeGreaterThan(0);
    for (const [name, shape] of Object.entries(state)) expect(after.outputs[name]).toEqual(shape);
  });
});

test("the quadratic forms would fail these promises", () => {
  const quadratic = mechanisms.find((m) => m.name === "softmax")!.create();
  const flops = (L: number) => {
    const shape = [B, H, L, d];
    return programCost(mechanismProgram(quadratic, { causal: true, lse: false }), { q: shape, k: shape, v: shape })
      .flops;
  };
  expect(flops(4096) / flops(1024)).toBeGreaterThan(10);
});

function grows(mechanism: Mechanism): boolean {
  const entries = mechanism.state({ B: 1, Hq: 1, Hkv: 1, L: 1, S: 1, d: 16, dv: 16 });
  return Object.values(entries).some((entry) => entry.shape.includes("P"));
}
