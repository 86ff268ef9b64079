import { elementwise } from "@attnkit/elementwise";
import { linear } from "@attnkit/linear";
import { checkOnnx, exportOnnx, toText } from "@attnkit/onnx";
import { polynomial } from "@attnkit/polynomial";
import { softmax } from "@attnkit/softmax";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType as Kind, ModelProtoSchema, TensorProto_DataType as Type } from "onnx-buf";
import { describe, expect, test } from "vitest";

const dims = { Hq: 2, d: 4 };
const files = {
  softmax: exportOnnx(softmax(), { form: "decode", dims, mask: true, keyMask: true }),
  "a graph inside a node": exportOnnx(linear(), { form: "prefill", dims, causal: true, dtype: "float16" }),
  "constants of a few kB": exportOnnx(polynomial(), { form: "prefill", dims: { ...dims, L: 64 }, causal: true }),
  doubles: exportOnnx(elementwise(), { form: "block", dims, causal: true, dtype: "float64" }),
};

describe("files as another implementation of Protocol Buffers reads and writes them", () => {
  test.each(Object.entries(files))("%s", (_, file) => {
    const model = fromBinary(ModelProtoSchema, file);
    expect(model.graph!.node.length).toBeGreaterThan(3);
    // It keeps fields that it does not know, so equal bytes mean that every field of ours is one of ONNX's.
    expect(model.$unknown ?? []).toEqual([]);
    expect(Buffer.from(toBinary(ModelProtoSchema, model)).equals(file)).toBe(true);
  });

  test("attributes of every type, sizes of every kind, unknown fields, negative numbers", () => {
    const tensorType = (dim: object[]) => ({ case: "tensorType", value: { elemType: Type.BFLOAT16, shape: { dim } } });
    const attribute = [
      { name: "f", type: Kind.FLOAT, f: 0.1 },
      { name: "i", type: Kind.INT, i: -(2n ** 63n) },
      { name: "s", type: Kind.STRING, s: new TextEncoder().encode("abc") },
      { name: "fs", type: Kind.FLOATS, floats: [0, 0.5] },
      { name: "is", type: Kind.INTS, ints: [-1n, 2n ** 63n - 1n] },
      { name: "ss", type: Kind.STRINGS, strings: [new Uint8Array([120])] },
      { name: "ts", type: Kind.TENSORS, tensors: [{ name: "inner" }] },
    ];
    const size = (value: object | undefined) => (value ? { value } : {});
    const x = [{ case: "dimValue", value: 0n }, { case: "dimParam", value: "n" }, undefined].map(size);
    const model = create(ModelProtoSchema, {
      irVersion: 10n,
      docString: "left out by our reader",
      opsetImport: [{ version: 21n }],
      graph: {
        name: "g",
        docString: "left out too",
        node: [{ name: "n", opType: "Custom", input: ["x"], output: ["y"], attribute }],
        input: [{ name: "x", type: { value: tensorType(x) as never } }],
        output: [{ name: "y", type: { value: tensorType([]) as never } }],
      },
    });
    const file = toBinary(ModelProtoSchema, model);
    expect(checkOnnx(file)).toMatchObject({
      irVersion: 10,
      nodes: 1,
      inputs: { x: ["0", "n", "?"] },
      outputs: { y: [] },
    });
    const text = toText(file);
    expect(text).toContain("f = 0.10000000149011612");
    expect(text).toContain("i = -9223372036854775808");
    expect(text).toContain('s = "abc"');
    expect(text).toContain("is = [-1, 9223372036854775807]");
    expect(text).toContain("ts = TENSORS");
    expect(text).toContain('bfloat16[0,n,"?"] x');
  });

  test("a file that is cut anywhere is refused or read as another model, and never as a crash", () => {
    const file = files.softmax;
    let refused = 0;
    for (let n = 0; n < file.length; n += 7) {
      try {
        checkOnnx(file.subarray(0, n));
      } catch (error) {
        expect((error as { code?: string }).code, `cut after ${n} bytes`).toBe("ATTN_DATA");
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});
