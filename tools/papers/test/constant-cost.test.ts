import type { Mechanism } from "@attnkit/core";
import { about as logsumexp } from "@attnkit/logsumexp/about";
import { about as softmax } from "@attnkit/softmax/about";
import { afterEach, describe, expect, test, vi } from "vitest";
import { equalsQuadratic } from "../src/constant-cost/equals-quadratic.ts";
import { initialState } from "../src/constant-cost/initial-state.ts";
import { languageModelClaim } from "../src/constant-cost/language-model.ts";
import { learn } from "../src/constant-cost/learn.ts";
import { recallBesideLoss } from "../src/constant-cost/recall-beside-loss.ts";
import { stateBytes } from "../src/constant-cost/state-bytes.ts";
import { timePerToken } from "../src/constant-cost/time-per-token.ts";
import { byteText, mobyDick } from "../src/data/text.ts";
import type { CellContext, Claim, Params, Values } from "../src/experiment.ts";
import { tableOf } from "../src/run/table.ts";

const context: CellContext = {
  seed: 1,
  size: "default",
  signal: new AbortController().signal,
  progress: () => undefined,
};

/** Judges rows that every seed shares but for `shift * seed` in each value. */
const ruling = (claim: Claim, rows: readonly { params: Params; values: Values }[], shift = 1e-6): string =>
  claim.judge(
    tableOf(
      rows.flatMap(({ params, values }) =>
        [1, 2, 3].map((seed) => ({
          ...{ params, seed },
          values: Object.fromEntries(Object.entries(values).map(([name, x]) => [name, x + shift * seed])),
        })),
      ),
    ),
  ).ruling;

// A cell may take seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 });
afterEach(() => vi.restoreAllMocks());

/** Makes a mechanism that answers each call as `original` answers it under other settings. */
const planted = (original: Mechanism, changed: Pick<Mechanism, "forward">): Mechanism => ({ ...original, ...changed });
const leaking = (original: Mechanism): Mechanism =>
  planted(original, { forward: (o, block, how) => original.forward(o, block, { ...how, causal: false }) });

describe("equality with the quadratic definition", () => {
  const cell = { values: "v", dtype: "float32" };
  const everywhere = (values: Values) => equalsQuadratic.cells("default").map((params) => ({ params, values }));

  test("log-sum-exp attention equals it", async () => {
    const values = await equalsQuadratic.measure(cell, context);
    expect(values["largest error"]).toBeGreaterThan(0);
    expect(ruling(equalsQuadratic, everywhere(values), 0)).toBe("supported");
  });

  test("a planted causal leak turns the verdict", async () => {
    const wrong = leaking(logsumexp.create({}));
    vi.spyOn(logsumexp, "create").mockReturnValue(wrong);
    expect(ruling(equalsQuadratic, everywhere(await equalsQuadratic.measure(cell, context)), 0)).toBe("not supported");
  });
});

describe("the initial state of equation 7", () => {
  test("is not that of equation 1, and is a token of key 0 and value 1", async () => {
    const params = initialState.cells("default")[0]!;
    const rows = await Promise.all(
      [1, 2, 3].map(async (seed) => ({
        params,
        seed,
        values: await initialState.measure(params, { ...context, seed }),
      })),
    );
    expect(initialState.judge(tableOf(rows)).ruling).toBe("not supported");
    expect(initialState.figures(tableOf(rows))[0]!.panels[0]!.series[0]!.points).toHaveLength(9);
  });

  test("a planted leak leaves the deviation unexplained", async () => {
    const wrong = leaking(logsumexp.create({ logValues: true }));
    vi.spyOn(logsumexp, "create").mockReturnValue(wrong);
    const params = initialState.cells("default")[0]!;
    const values = await initialState.measure(params, context);
    expect(ruling(initialState, [{ params, values }], 0)).toBe("not decidable at this size");
  });
});

describe("cost", () => {
  test("a mechanism without its scale stops the measurement of time", async () => {
    const wrong = softmax.create({ scale: 1 });
    vi.spyOn(softmax, "create").mockReturnValue(wrong);
    await expect(timePerToken.measure({ mechanism: "softmax" }, context)).rejects.toThrow(/softmax: the decoded token/);
  });

  test("time is ruled by the exponents", () => {
    const rule = (constant: number, growing: number) =>
      ruling(
        timePerToken,
        Object.entries({ logsumexp: constant, softmax: growing }).map(([mechanism, exponent]) => ({
          params: { mechanism },
          values: { exponent, "standard error": 0.01, "us at 1024": 100, "us at 1000000": 100 },
        })),
      );
    expect(rule(0, 1)).toBe("supported");
    expect(rule(0.09, 1)).toBe("not decidable at this size");
    expect(rule(0, 0.5)).toBe("not decidable at this size");
    expect(rule(1, 1)).toBe("not supported");
  });

  test("bytes of the state are counted on real tensors", async () => {
    const rows = await Promise.all(
      ["softmax", "logsumexp"].map(async (mechanism) => ({
        ...{ params: { mechanism }, seed: 1 },
        values: await stateBytes.measure({ mechanism }, context),
      })),
    );
    const table = tableOf(rows);
    expect(table.where({ mechanism: "logsumexp" }).values("bytes at 1000000")).toEqual([4 * 16 * 18]);
    expect(table.where({ mechanism: "softmax" }).values("bytes at 1000000")).toEqual([4 * 32 * 1_000_001]);
    expect(stateBytes.judge(table).ruling).toBe("supported");
    const swapped = rows.map((row, i) => ({ ...row, values: rows[1 - i]!.values }));
    expect(stateBytes.judge(tableOf(swapped)).ruling).toBe("not supported");
  });
});

describe("training", () => {
  const task = {
    ...{ classes: 5, tokens: 12, steps: 2, rate: 1e-3 },
    train: () => ({ rows: 2, data: Float32Array.from({ length: 26 }, (_, i) => i % 5) }),
    heldOut: { rows: 2, data: Float32Array.from({ length: 26 }, (_, i) => (2 * i) % 5) },
    reports: [0],
  };

  test("answers come at each report, with losses of the targets", async () => {
    const found = await learn(logsumexp.create({ logValues: true }), task, context);
    expect(found.map(({ step }) => step)).toEqual([0, 2]);
    expect(found[0]!.losses).toHaveLength(24);
    // An untrained head gives nearly equal probabilities.
    for (const loss of found[0]!.losses) expect(loss).toBeCloseTo(Math.log(5), 0);
  });

  test("a planted causal leak stops it", async () => {
    await expect(learn(leaking(softmax.create({})), task, context)).rejects.toThrow(
      /softmax: logits depend on later tokens/,
    );
  });

  test("the loss is ruled by what softmax gains from context", () => {
    const rule = (logsumexp: number, control: number) =>
      ruling(
        languageModelClaim,
        Object.entries({ softmax: 2, logsumexp, "no context": control }).map(([mechanism, loss]) => ({
          params: { mechanism },
          values: { loss },
        })),
      );
    expect(rule(2.01, 2.2)).toBe("supported");
    expect(rule(2.15, 2.2)).toBe("not supported");
    expect(rule(2.1, 2.2)).toBe("not decidable at this size");
    expect(rule(2, 2)).toBe("not decidable at this size");
    expect(rule(Number.NaN, 2.2)).toBe("not supported");
  });

  test("recall is ruled beside softmax", () => {
    const rule = (softmax: number, logsumexp: number) =>
      ruling(
        recallBesideLoss,
        Object.entries({ softmax, logsumexp }).map(([mechanism, recall]) => ({
          params: { mechanism },
          values: { recall, "normalised error": 0.5 },
        })),
      );
    expect(rule(0.99, 0.95)).toBe("supported");
    expect(rule(0.99, 0.2)).toBe("not supported");
    expect(rule(0.5, 0.2)).toBe("not decidable at this size");
  });
});

test("the text is Moby Dick, numbered by its bytes", () => {
  const bytes = mobyDick();
  const { tokens, size } = byteText(bytes);
  expect(new TextDecoder().decode(bytes.subarray(0, 200))).toContain("Call me Ishmael.");
  expect(tokens).toHaveLength(bytes.length);
  expect(size).toBe(new Set(bytes).size);
  expect(Math.max(...tokens.subarray(0, 100_000))).toBeLessThan(size);
});
