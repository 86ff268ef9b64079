import { attention, isAttentionError, type Mechanism } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { elementwise } from "@attnkit/elementwise";
import { linear } from "@attnkit/linear";
import { logsumexp } from "@attnkit/logsumexp";
import { exportOnnx } from "@attnkit/onnx";
import { polynomial } from "@attnkit/polynomial";
import { softmax } from "@attnkit/softmax";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";

const mechanisms: readonly (readonly [string, Mechanism])[] = [
  ["softmax", softmax()],
  ["softmax with a window and softcap", softmax({ window: [5, 0], softcap: 3 })],
  ["linear", linear()],
  ["linear exp", linear({ featureMap: "exp" })],
  ["polynomial", polynomial({ power: 2 })],
  ["polynomial quadratic", polynomial({ power: 3, form: "quadratic" })],
  ["logsumexp", logsumexp()],
  ["elementwise", elementwise()],
  ["elementwise exact", elementwise({ order: "exact" })],
];

type Host = { readonly shape: readonly number[]; readonly data: Float32Array };
const [Hq, Hkv, d, dv] = [4, 2, 4, 4];
const backend = cpu();

const wave = (shape: number[], phase: number): Host => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1.7 * i + phase)),
});
const blockOf = (B: number, L: number, phase: number) => ({
  q: wave([B, Hq, L, d], phase),
  k: wave([B, Hkv, L, d], phase + 1),
  v: wave([B, Hkv, L, dv], phase + 2),
});
const tensor = ({ data, shape }: Host) => new ort.Tensor("float32", data, shape);

async function close(got: ort.Tensor, expected: { data: ArrayLike<number>; shape: readonly number[] }) {
  expect(got.dims).toEqual(expected.shape);
  const data = (await got.getData()) as Float32Array;
  const off = Math.max(0, ...Array.from(expected.data, (x, i) => Math.abs(x - data[i]!) / (1 + Math.abs(x))));
  expect(off).toBeLessThan(2e-5);
}

describe.each(mechanisms)("%s, exported", (_, mechanism) => {
  const dims = { Hq, Hkv, d, dv };
  const attend = attention(mechanism, backend, { causal: true });
  const up = (x: Record<string, Host>) =>
    Object.fromEntries(Object.entries(x).map(([n, h]) => [n, backend.upload(h.data, h.shape)])) as never;

  test("a prompt, then token by token: one decode file for every batch and every length of the past", async () => {
    const prompt = await ort.InferenceSession.create(
      exportOnnx(mechanism, { form: "prefill", causal: true, dims: { ...dims, L: 19 } }),
    );
    const decode = await ort.InferenceSession.create(exportOnnx(mechanism, { form: "decode", dims }));
    for (const B of [1, 3]) {
      const first = blockOf(B, 19, B);
      let expected = await attend(up(first));
      let got: Record<string, ort.Tensor> = await prompt.run({
        q: tensor(first.q),
        k: tensor(first.k),
        v: tensor(first.v),
      });
      for (let step = 0; step < 4; step++) {
        await close(got.y!, expected.y);
        for (const [name, x] of Object.entries(expected.state)) await close(got[`present.${name}`]!, x);
        const next = blockOf(B, 1, 10 * B + step);
        const past = Object.keys(expected.state).map((name) => [`past.${name}`, got[`present.${name}`]!]);
        got = await decode.run({
          ...Object.fromEntries(past),
          ...{ q: tensor(next.q), k: tensor(next.k), v: tensor(next.v) },
        });
        expected = await attend({ ...(up(next) as object), state: expected.state } as never);
      }
      await close(got.y!, expected.y);
    }
  });

  test("a block after a past, with a key mask, also where the past is empty", async () => {
    const L = 5;
    const block = await ort.InferenceSession.create(
      exportOnnx(mechanism, { form: "block", causal: true, keyMask: true, dims: { ...dims, L } }),
    );
    const growing = Object.values(mechanism.state({ B: 2, L, S: L, Hq, Hkv, d, dv })).some((e) =>
      e.shape.includes("P"),
    );
    const bits = Uint8Array.from({ length: 2 * L }, (_, i) => Number(i % 3 !== 1));
    const mask = new ort.Tensor("bool", bits, [2, L]);
    for (const P of growing ? [0, 1, 6] : [6]) {
      const before =
        P > 0
          ? await attend({
              ...(up(blockOf(2, P, 7)) as object),
              keyMask: backend.upload(new Uint8Array(2 * P).fill(1), [2, P]),
            } as never)
          : undefined;
      const next = blockOf(2, L, 3);
      const expected = await attend({
        ...(up(next) as object),
        keyMask: backend.upload(bits, [2, L]),
        state: before?.state,
      } as never);
      const past = Object.entries(before?.state ?? {}).map(([n, x]) => [`past.${n}`, tensor(x as Host)]);
      const none = {
        "past.k": new ort.Tensor("float32", new Float32Array(0), [2, Hkv, 0, d]),
        "past.v": new ort.Tensor("float32", new Float32Array(0), [2, Hkv, 0, dv]),
        "past.keep": new ort.Tensor("float32", new Float32Array(0), [2, 0]),
      };
      const got = await block.run({
        ...(P > 0 ? Object.fromEntries(past) : none),
        ...{ q: tensor(next.q), k: tensor(next.k), v: tensor(next.v), keyMask: mask },
      });
      await close(got.y!, expected.y);
      for (const [name, x] of Object.entries(expected.state)) await close(got[`present.${name}`]!, x);
    }
  });

  test("the same arguments give the same bytes, others other ones", () => {
    const once = exportOnnx(mechanism, { form: "decode", dims });
    expect(Buffer.compare(exportOnnx(mechanism, { form: "decode", dims }), once)).toBe(0);
    expect(Buffer.compare(exportOnnx(mechanism, { form: "decode", dims, opset: 22 }), once)).not.toBe(0);
  });
});

describe("exportOnnx", () => {
  const dims = { Hq: 2, d: 4 };
  test.each([18, 19, 20, 21, 22, 23, 24, 25])("opset %i runs", async (opset) => {
    const file = exportOnnx(softmax(), { form: "decode", dims, opset });
    const session = await ort.InferenceSession.create(file);
    expect([...session.inputNames].sort()).toEqual(["k", "past.k", "past.v", "q", "v"]);
    expect([...session.outputNames].sort()).toEqual(["present.k", "present.v", "y"]);
    await session.release();
  });

  test.each([
    ["a form it does not have", "ATTN_OPTION", () => exportOnnx(softmax(), { form: "chunk" as never, dims })],
    ["a length of 0", "ATTN_OPTION", () => exportOnnx(softmax(), { form: "prefill", dims: { ...dims, L: 0 } })],
    ["no heads", "ATTN_OPTION", () => exportOnnx(softmax(), { form: "decode", dims: { d: 4 } as never })],
    [
      "a shape of masks that is none",
      "ATTN_OPTION",
      () => exportOnnx(softmax(), { form: "decode", dims, mask: 4 as never }),
    ],
    [
      "masks where keys are folded",
      "ATTN_UNSUPPORTED",
      () => exportOnnx(linear(), { form: "decode", dims, mask: true }),
    ],
    ["an opset that does not exist", "ATTN_OPTION", () => exportOnnx(softmax(), { form: "decode", dims, opset: 17 })],
    [
      "heads that do not divide",
      "ATTN_SHAPE",
      () => exportOnnx(softmax(), { form: "decode", dims: { Hq: 3, Hkv: 2, d: 4 } }),
    ],
    [
      "lse where there is none",
      "ATTN_UNSUPPORTED",
      () => exportOnnx(polynomial({ power: 2 }), { form: "decode", dims, lse: true }),
    ],
  ] as const)("refuses %s", (_, code, act) => {
    let thrown: unknown;
    try {
      act();
    } catch (error) {
      thrown = error;
    }
    expect(isAttentionError(thrown, code)).toBe(true);
  });
});
