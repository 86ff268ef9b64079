import { type Block, isAttentionError } from "@attnkit/core";
import { cpu, type NdArray } from "@attnkit/cpu";
import { describe, expect, test } from "vitest";
import { type SoftmaxOptions, type Stage, scores, softmax } from "../src/index.ts";

const backend = cpu({ dtype: "float64" });
const [B, Hq, Hkv, L, S, P, d] = [2, 4, 2, 3, 4, 2, 3] as const;
const T = P + S;

const draw = (seed: number, ...shape: number[]) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, at: Float64Array.from({ length: size }, (_, i) => 2 * Math.sin(seed * 100 + i * 1.7)) };
};
const up = ({ shape, at }: { shape: number[]; at: Float64Array }) => backend.upload(at, shape);
const [q, k, v, pastK, pastV] = [
  draw(1, B, Hq, L, d),
  draw(2, B, Hkv, S, d),
  draw(3, B, Hkv, S, d),
  draw(4, B, Hkv, P, d),
  draw(5, B, Hkv, P, d),
];
const bias = draw(6, L, T);
bias.at[4] = Number.NEGATIVE_INFINITY;
const mask = Uint8Array.from({ length: B * T }, (_, i) => +(i % 5 !== 3)); // [B, 1, 1, T]
const keyMask = Uint8Array.of(1, 0, 1, 1, 1, 1, 1, 0);

const block: Block<NdArray> = {
  q: up(q),
  k: up(k),
  v: up(v),
  bias: up(bias),
  mask: backend.upload(mask, [B, 1, 1, T]),
  keyMask: backend.upload(keyMask, [B, S]),
  state: { k: up(pastK), v: up(pastV) },
};

/** Computes the ONNX specification in loops: product and scale, softcap, bias and masks, softmax. */
function expected(stage: Stage, causal: boolean, { scale = 1 / Math.sqrt(d), softcap }: SoftmaxOptions): number[] {
  const out: number[] = [];
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < Hq; h++) {
      for (let i = 0; i < L; i++) {
        const row: number[] = [];
        for (let j = 0; j < T; j++) {
          const own = j - P;
          let s = 0;
          for (let c = 0; c < d; c++) {
            const head = b * Hkv + Math.floor(h / 2);
            const removed = own >= 0 && !keyMask[b * S + own];
            const key = own < 0 ? pastK.at[(head * P + j) * d + c]! : removed ? 0 : k.at[(head * S + own) * d + c]!;
            s += q.at[((b * Hq + h) * L + i) * d + c]! * key * scale;
          }
          if (stage !== "scaled" && softcap !== undefined) s = softcap * Math.tanh(s / softcap);
          const visible = mask[b * T + j] && (own < 0 || (keyMask[b * S + own] && (!causal || own <= i)));
          if (stage === "biased" || stage === "weights")
            s = visible ? s + bias.at[i * T + j]! : Number.NEGATIVE_INFINITY;
          row.push(s);
        }
        const top = Math.max(...row);
        const sum = row.reduce((n, s) => n + Math.exp(s - top), 0);
        out.push(...(stage === "weights" ? row.map((s) => Math.exp(s - top) / sum) : row));
      }
    }
  }
  return out;
}

describe.each<Stage>(["scaled", "capped", "biased", "weights"])("%s", (stage) => {
  test.each([
    [false, {}],
    [true, {}],
    [false, { softcap: 1.5 }],
    [true, { softcap: 1.5, scale: 0.7 }],
  ] as const)("causal %s, options %o", (causal, options) => {
    const got = scores(backend.ops, block, { causal, stage }, options);
    const want = expected(stage, causal, options);
    expect(got.shape).toEqual([B, Hq, L, T]);
    want.forEach((x, i) => {
      if (Number.isFinite(x)) expect(got.data[i]).toBeCloseTo(x, 12);
      else expect(got.data[i]).toBe(x);
    });
  });
});

test("without masks every stage is there too, and the weights are those of the output", () => {
  const plain = { q: up(q), k: up(k), v: up(v) };
  const weights = scores(backend.ops, plain, { causal: false, stage: "weights" });
  const first = softmax().forward(backend.ops, plain, { causal: false, lse: false }).y.data[0]!;
  const byHand = [0, 1, 2, 3].reduce((n, j) => n + weights.data[j]! * v.at[j * d]!, 0);
  expect(byHand).toBeCloseTo(first, 12);
  expect(scores(backend.ops, plain, { causal: true, stage: "biased" }).data[1]).toBe(Number.NEGATIVE_INFINITY);
  expect(scores(backend.ops, plain, { causal: false, stage: "biased" }).data[1]).toBeTypeOf("number");
});

test("a row without keys has weights of 0", () => {
  const none = { ...block, mask: backend.upload(new Uint8Array(T), [T]) };
  const lifted = { ...none, mask: backend.ops.reshape(none.mask, [1, 1, 1, T]) };
  const { data } = scores(backend.ops, lifted, { causal: false, stage: "weights" });
  expect(data.every((x) => x === 0)).toBe(true);
});

describe("options", () => {
  const refused: [string, object][] = [
    ["scale", { scale: Number.NaN }],
    ["scale", { scale: "1" }],
    ["softcap", { softcap: 0 }],
    ["softcap", { softcap: -1 }],
    ["window", { window: [1] }],
    ["window", { window: [1.5, 0] }],
    ["window", { window: [-2, 0] }],
    ["window", { window: 3 }],
    ["scaling", { scaling: 1 }],
  ];
  test.each(refused)("%s in %o is refused", (name, options) => {
    for (const act of [
      () => softmax(options),
      () => scores(backend.ops, block, { causal: false, stage: "scaled" }, options),
    ]) {
      try {
        act();
        expect.unreachable();
      } catch (error) {
        expect(isAttentionError(error, "ATTN_OPTION") && error.message.includes(name)).toBe(true);
      }
    }
  });

  test.each([{ window: [-1, 0] }, { window: [null, 0] }, { window: [Number.POSITIVE_INFINITY, 0] }] as const)(
    "%o is unlimited to the left",
    (options) => {
      const run = (o: SoftmaxOptions) => [
        ...softmax(o).forward(backend.ops, { q: up(q), k: up(k), v: up(v) }, { causal: false, lse: false }).y.data,
      ];
      expect(run(options)).toEqual(run({ window: [100, 0] }));
    },
  );
});

test("the cache holds zeros where a key mask removed a key, and remembers the mask", () => {
  const { state } = softmax().forward(
    backend.ops,
    { ...block, bias: undefined, mask: undefined, state: undefined },
    {
      causal: false,
      lse: false,
    },
  );
  expect([...state.keep!.data]).toEqual([...keyMask]);
  for (const name of ["k", "v"] as const) {
    for (let b = 0; b < B; b++) {
      for (let j = 0; j < S; j++) {
        const at = (b * Hkv * S + j) * d;
        const zero = state[name]!.data.slice(at, at + d).every((x) => x === 0);
        expect(zero).toBe(!keyMask[b * S + j]);
      }
    }
  }
});
