import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isAttentionError } from "@attnkit/core";
import { linear } from "@attnkit/linear";
import { checkOnnx, exportOnnx, toText } from "@attnkit/onnx";
import { softmax } from "@attnkit/softmax";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema } from "onnx-buf";
import { describe, expect, test } from "vitest";

const dims = { Hq: 2, d: 4 };
const decode = exportOnnx(softmax(), { form: "decode", dims });
const loop = exportOnnx(linear(), { form: "prefill", dims, causal: true, dtype: "float16" });

const refused = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (isAttentionError(error, "ATTN_DATA")) return error.message;
    throw error;
  }
  return "accepted";
};
/** A changed copy of a file. */
const changed = (file: Uint8Array, change: (model: ModelProto) => void): Uint8Array => {
  const model = fromBinary(ModelProtoSchema, file);
  change(model);
  return toBinary(ModelProtoSchema, model);
};

test("files name the version of the package that wrote them", () => {
  const file = new URL("../../../../packages/backends/onnx/package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(fileURLToPath(file), "utf8"));
  expect(checkOnnx(decode).metadata.attnkit, "packages/backends/onnx/src/version.ts").toBe(version);
});

describe("toText", () => {
  test("says what goes in and comes out, and every node once, those of inner graphs too", () => {
    const text = toText(decode);
    expect(text).toContain(
      'softmax_decode (float[batch,2,1,4] q, float[batch,2,1,4] k, float[batch,2,1,4] v, float[batch,2,past,4] "past.k", float[batch,2,past,4] "past.v") => (float[batch,2,1,4] y, ',
    );
    expect(text).toMatch(/ir_version: 10,\n {2}opset_import: \["" : 21\]/);
    expect(text).toContain('"mechanism" : "softmax"');
    expect(text).toMatch(/^ {2}"\/Concat" = Concat <axis = 2> \("past\.k", k\)$/m);
    for (const file of [decode, loop]) {
      expect(toText(file).match(/^ *\S.* = (\w+\.)*\w+( <.*)? \(.*\)$|<body = /gm)?.length).toBe(checkOnnx(file).nodes);
    }
  });

  test("long constants by their first numbers", () => {
    expect(toText(exportOnnx(linear(), { form: "prefill", dims: { ...dims, L: 16 }, causal: true }))).toMatch(
      /float\[16,16\] .* = \{1, 0, 0, 0, 0, 0, 0, 0, \.\.\. 248 more\}/,
    );
  });
});

describe("files that are no models, and models that break ONNX's rules, are refused by code", () => {
  test.each([
    ["nothing", new Uint8Array(0)],
    ["text", new TextEncoder().encode("not a model at all, but quite a lot of text")],
    ["a truncated file", decode.subarray(0, decode.length - 9)],
    ["zeros", new Uint8Array(64)],
    ["another message", Uint8Array.of(8, 7)],
    ["a string", "model.onnx" as never],
  ])("%s", (_, file) => {
    for (const read of [toText, checkOnnx]) expect(refused(() => read(file))).toMatch(/not an ONNX model/);
  });

  test("random damage is refused or read, and never anything else", () => {
    let seed = 7;
    const next = (n: number) => {
      seed = (seed * 48271) % 2147483647;
      return seed % n;
    };
    for (let i = 0; i < 300; i++) {
      const file = decode.slice();
      for (let k = 0; k < 4; k++) file[next(file.length)] = next(256);
      for (const read of [toText, checkOnnx]) refused(() => read(file));
    }
  });

  test.each([
    ["a node before what it reads", /before it is made/, (m: ModelProto) => m.graph!.node.reverse()],
    ["a name made twice", /made twice/, (m: ModelProto) => m.graph!.node.push(m.graph!.node[0]!)],
    ["an output that nothing makes", /never made/, (m: ModelProto) => m.graph!.node.pop()],
    [
      "a constant that is an input too",
      /made twice/,
      (m: ModelProto) => {
        m.graph!.initializer[0]!.name = "q";
      },
    ],
    [
      "a domain that is not imported",
      /com\.microsoft, which is not imported/,
      (m: ModelProto) => {
        m.graph!.node[0]!.domain = "com.microsoft";
      },
    ],
    [
      "an IR version that is older than the opset",
      /needs IR version 10/,
      (m: ModelProto) => {
        m.irVersion = 8n;
      },
    ],
    [
      "an input without a type",
      /q has no type/,
      (m: ModelProto) => {
        delete m.graph!.input[0]!.type;
      },
    ],
    [
      "a graph without outputs",
      /no output/,
      (m: ModelProto) => {
        m.graph!.output = [];
      },
    ],
    [
      "a graph without a name",
      /no name/,
      (m: ModelProto) => {
        m.graph!.name = "";
      },
    ],
  ])("%s", (_, message, change) => {
    expect(refused(() => checkOnnx(decode))).toBe("accepted");
    expect(refused(() => checkOnnx(changed(decode, change)))).toMatch(message);
  });

  test("a name of the outer graph made again inside", () => {
    const inside = (m: ModelProto) => m.graph!.node.find((n) => n.opType === "Scan")!.attribute.find((a) => a.g)!.g!;
    const twice = changed(loop, (m) => {
      inside(m).initializer[0]!.name = "q";
    });
    expect(refused(() => checkOnnx(twice))).toMatch(/q is made twice/);
  });
});
