import { isAttentionError } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { onnx } from "@attnkit/onnx";
import { fromOnnxAttention } from "@attnkit/softmax/onnx-attention";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProtoSchema,
  TensorProto_DataType as DataType,
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  NodeProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { type Array4, type Case, definition, drawn } from "./attention-case.ts";

const cases = Array.from({ length: 300 }, (_, i) => drawn(i));
const worst = (got: ArrayLike<number>, want: Float64Array): number => {
  expect(got.length).toBe(want.length);
  const off = Array.from(want, (x, i) => (got[i] === x ? 0 : Math.abs(got[i]! - x) / (1 + Math.abs(x))));
  return off.some(Number.isNaN) ? Number.NaN : Math.max(...off);
};
const node = ({ mask, opset }: Case) => ({ mask, opset, qkMatmulOutput: true });
const isBoolean = (c: Case, name: string) => name === "attn_mask" && c.mask === "boolean";

/** The node in a graph of its own, on ONNX Runtime's operator. */
function model({ attributes, inputs, mask, opset }: Case): Uint8Array {
  const info = (name: string, elemType: number, shape?: readonly number[]) => {
    const dim = (shape ?? []).map((n) => ({ value: { case: "dimValue", value: BigInt(n) } as const }));
    const value = { case: "tensorType", value: { elemType, ...(shape && { shape: { dim } }) } } as const;
    return create(ValueInfoProtoSchema, { name, type: { value } });
  };
  const order = ["Q", "K", "V", "attn_mask", "past_key", "past_value", "nonpad_kv_seqlen"];
  const last = order.findLastIndex((name) => name in inputs);
  const typeOf = (name: string) => {
    if (name === "nonpad_kv_seqlen") return DataType.INT64;
    return name === "attn_mask" && mask === "boolean" ? DataType.BOOL : DataType.FLOAT;
  };
  const attribute = Object.entries(attributes).map(([name, x]) =>
    name === "scale" || name === "softcap"
      ? create(AttributeProtoSchema, { name, type: Kind.FLOAT, f: Number(x) })
      : create(AttributeProtoSchema, { name, type: Kind.INT, i: BigInt(x) }),
  );
  const output = ["Y", "present_key", "present_value", "qk_matmul_output"];
  const input = order.slice(0, last + 1).map((name) => (name in inputs ? name : ""));
  const graph = {
    name: "attention",
    input: Object.entries(inputs).map(([name, x]) => info(name, typeOf(name), x.shape)),
    output: output.map((name) => info(name, DataType.FLOAT)),
    node: [create(NodeProtoSchema, { opType: "Attention", input, output, attribute })],
  };
  const opsetImport = [{ domain: "", version: BigInt(opset) }];
  const irVersion = opset === 23 ? 11n : 12n;
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion, opsetImport, graph }));
}

async function onRuntime(c: Case): Promise<Record<string, ort.Tensor>> {
  const session = await ort.InferenceSession.create(model(c), { logSeverityLevel: 4, intraOpNumThreads: 1 });
  const feeds = Object.entries(c.inputs).map(([name, { shape, data }]) => {
    const dims = [...shape];
    if (isBoolean(c, name)) return [name, new ort.Tensor("bool", Uint8Array.from(data), dims)] as const;
    if (name === "nonpad_kv_seqlen")
      return [
        name,
        new ort.Tensor(
          "int64",
          BigInt64Array.from(data, (n) => BigInt(n)),
          dims,
        ),
      ] as const;
    return [name, new ort.Tensor("float32", Float32Array.from(data), dims)] as const;
  });
  const result = await session.run(Object.fromEntries(feeds));
  await session.release();
  return result as Record<string, ort.Tensor>;
}

describe("fromOnnxAttention", () => {
  test("every attribute and input in 300 combinations, beside the operator's definition in float64", () => {
    const backend = cpu({ dtype: "float64" });
    for (const c of cases) {
      const { program } = fromOnnxAttention(c.attributes, node(c));
      const x = Object.entries(c.inputs).map(([name, { shape, data }]) => [
        name,
        backend.upload(isBoolean(c, name) ? Uint8Array.from(data) : data, shape),
      ]);
      const out = program(backend.ops, Object.fromEntries(x));
      const want = definition(c);
      expect(worst(out.Y!.data, want.Y), `Y of case ${c.name}`).toBeLessThan(1e-12);
      expect(worst(out.qk_matmul_output!.data, want.qk), `qk_matmul_output of case ${c.name}`).toBeLessThan(1e-12);
      expect(out.Y!.shape.length).toBe(c.inputs.Q!.shape.length);
    }
  });

  test("recorded as a graph it gives the same", async () => {
    const backend = onnx({ ort, sessionOptions: { intraOpNumThreads: 1 } });
    for (const c of cases.slice(0, 25)) {
      const run = backend.compile(fromOnnxAttention(c.attributes, node(c)).program);
      const x = Object.entries(c.inputs).map(([name, { shape, data }]) => [
        name,
        backend.upload(isBoolean(c, name) ? Uint8Array.from(data) : data, shape),
      ]);
      const { Y } = await run(Object.fromEntries(x));
      expect(worst(await backend.download(Y!), definition(c).Y), `case ${c.name}`).toBeLessThan(1e-5);
    }
    await backend.release();
  });

  describe("ONNX Runtime's own operator", () => {
    const tokens = (x: Array4) => x.shape.at(-2)!;
    /** It takes masks only in full: no short last axis, and no axis of queries of size 1 beside several queries. */
    const takes = ({ inputs: { Q, K, attn_mask: mask, past_key: past } }: Case) =>
      mask === undefined ||
      (mask.shape.at(-1) === tokens(K!) + (past ? tokens(past) : 0) && mask.shape.at(-2) === tokens(Q!));
    /** Known to be wrong there (1.30): one query with a past sees the keys after its own. */
    const forgetsCausality = ({ attributes, inputs: { Q, K, past_key: past } }: Case) =>
      attributes.is_causal === 1 && past !== undefined && tokens(Q!) === 1 && tokens(K!) > 1;
    const compared = cases.filter((c) => c.opset < 25 && takes(c));
    const errors = async (c: Case) => {
      const out = await onRuntime(c);
      const want = definition(c);
      // It shows masked scores as the lowest finite number.
      const qk = Array.from((await out.qk_matmul_output!.getData()) as Float32Array, (x) =>
        x < -1e38 ? Number.NEGATIVE_INFINITY : x,
      );
      return Math.max(worst((await out.Y!.getData()) as Float32Array, want.Y), worst(qk, want.qk));
    };

    test("agrees", async () => {
      const right = compared.filter((c) => !forgetsCausality(c));
      expect(right.length).toBeGreaterThan(100);
      for (const c of right) expect(await errors(c), `case ${c.name}`).toBeLessThan(1e-4);
    });

    test("and still lets a single query see keys after its own", async () => {
      const wrong = compared.filter(forgetsCausality);
      expect(wrong.length).toBeGreaterThan(2);
      for (const c of wrong) expect(await errors(c), `case ${c.name}`).not.toBeLessThan(1e-3);
    });

    test("and still refuses masks that end early", async () => {
      const short = cases.find((c) => c.opset === 24 && !takes(c) && c.inputs.attn_mask!.shape.length === 2)!;
      await expect(onRuntime(short)).rejects.toThrow(/attn_mask/);
    });
  });

  describe("refuses by code", () => {
    const backend = cpu();
    const up = (...shape: number[]) => backend.upload(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
    const x = { Q: up(1, 2, 3, 4), K: up(1, 2, 5, 4), V: up(1, 2, 5, 4) };
    const run = (more: object, attributes = {}, node = {}) => {
      const { program } = fromOnnxAttention(attributes, node);
      return () => program(backend.ops, { ...x, ...more } as never);
    };
    test.each([
      ["an attribute that there is none of", "ATTN_OPTION", () => fromOnnxAttention({ window: 3 } as never)],
      ["one of the wrong type", "ATTN_OPTION", () => fromOnnxAttention({ is_causal: true } as never)],
      ["a mode that does not exist", "ATTN_OPTION", () => fromOnnxAttention({ qk_matmul_output_mode: 4n })],
      ["a window before opset 25", "ATTN_OPTION", () => fromOnnxAttention({ left_window_size: 3 }, { opset: 24 })],
      ["a window below -1", "ATTN_OPTION", () => fromOnnxAttention({ right_window_size: -2 })],
      ["an opset without the operator", "ATTN_OPTION", () => fromOnnxAttention({}, { opset: 22 })],
      ["a softcap below 0", "ATTN_OPTION", () => fromOnnxAttention({ softcap: -1 })],
      ["a precision that is no float", "ATTN_OPTION", () => fromOnnxAttention({ softmax_precision: 7 })],
      ["heads of queries alone", "ATTN_OPTION", () => fromOnnxAttention({ q_num_heads: 2 })],
      ["rank 3 without heads", "ATTN_OPTION", run({ Q: up(1, 3, 8), K: up(1, 5, 8), V: up(1, 5, 8) })],
      [
        "channels that do not divide",
        "ATTN_SHAPE",
        run({ Q: up(1, 3, 7), K: up(1, 5, 8), V: up(1, 5, 8) }, { q_num_heads: 2, kv_num_heads: 2 }),
      ],
      ["ranks that differ", "ATTN_SHAPE", run({ K: up(5, 8) })],
      ["heads that the attribute denies", "ATTN_SHAPE", run({}, { q_num_heads: 3, kv_num_heads: 2 })],
      ["a mask of other sizes", "ATTN_SHAPE", run({ attn_mask: up(4, 5) })],
      ["a mask that is too long", "ATTN_SHAPE", run({ attn_mask: up(3, 6) })],
      ["a mask without axes", "ATTN_SHAPE", run({ attn_mask: up() })],
      ["past keys without values", "ATTN_OPTION", run({ past_key: up(1, 2, 4, 4) })],
      ["past keys of other sizes", "ATTN_STATE", run({ past_key: up(1, 2, 4, 3), past_value: up(1, 2, 4, 4) })],
      ["an input that there is none of", "ATTN_OPTION", run({ position: up(1) })],
      ["a padded cache before opset 24", "ATTN_OPTION", run({ nonpad_kv_seqlen: up(1) }, {}, { opset: 23 })],
      [
        "a padded cache and a past",
        "ATTN_OPTION",
        run({ nonpad_kv_seqlen: up(1), past_key: up(1, 2, 4, 4), past_value: up(1, 2, 4, 4) }),
      ],
      ["lengths of another batch", "ATTN_SHAPE", run({ nonpad_kv_seqlen: up(3) })],
    ] as const)("%s", (_, code, act) => {
      let thrown: unknown;
      try {
        act();
      } catch (error) {
        thrown = error;
      }
      expect(isAttentionError(thrown, code), String(thrown)).toBe(true);
    });
  });

  test("NaN in the unused part of a padded cache reaches nothing", () => {
    const backend = cpu();
    const K = new Float32Array(2 * 4).fill(Number.NaN).fill(1, 0, 4);
    const cache = backend.upload(K, [1, 1, 4, 2]);
    const { program } = fromOnnxAttention({ is_causal: 1 });
    const out = program(backend.ops, {
      Q: backend.upload(new Float32Array(2).fill(1), [1, 1, 1, 2]),
      K: cache,
      V: cache,
      nonpad_kv_seqlen: backend.upload(Float32Array.of(2), [1]),
    });
    expect([...out.Y!.data]).toEqual([1, 1]);
  });
});
