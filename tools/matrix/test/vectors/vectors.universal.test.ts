import { mechanisms } from "@attnkit/catalog";
import { isAttentionError, type Options } from "@attnkit/core";
import { readVectors, runVectors, type VectorCase, type VectorTensor, writeVectors } from "@attnkit/core/conformance";
import { cpu } from "@attnkit/cpu";
import { describe, expect, test } from "vitest";
import { bytes, expected, tensor } from "./vector-case.ts";

const make = (name: string, options: Options) => mechanisms.find((m) => m.name === name)?.create(options);
const all = mechanisms.flatMap(({ name, variants }) =>
  variants.flatMap((options) => [0, 1, 2].map((n) => expected(name, options, "float32", n))),
);
const softmax = { ...expected("softmax", {}, "float32", 0), name: "one" };
const run = (...cases: VectorCase[]) => runVectors(cases, { backend: cpu(), mechanism: make });
/** A changed copy of the file of one case. */
const file = (change: (c: Record<string, never>) => void): unknown => {
  const copy = JSON.parse(JSON.stringify(writeVectors([softmax])));
  change(copy.cases[0]);
  return copy;
};

describe("attnkit-vectors/1", () => {
  test("what is written is read again, through JSON", () => {
    expect(readVectors(JSON.parse(JSON.stringify(writeVectors(all))))).toEqual(all);
  });

  test("cases made from the oracle pass, hundreds of them", async () => {
    const results = await run(...Array.from({ length: 500 }, (_, n) => all[n % all.length]!));
    expect(results).toHaveLength(500);
    expect(results.filter((r) => r.status !== "pass")).toEqual([]);
  });

  test("states go in and come out", async () => {
    const o = cpu();
    const state = { k: tensor("float32", [1, 1, 2, 3]), v: tensor("float32", [1, 1, 2, 3]) };
    const own = {
      q: tensor("float32", [1, 1, 1, 3]),
      k: tensor("float32", [1, 1, 1, 3]),
      v: tensor("float32", [1, 1, 1, 3]),
    };
    const join = (a: VectorTensor, b: VectorTensor): VectorTensor => {
      const joined = o.ops.concat([o.upload(a.data, a.shape), o.upload(b.data, b.shape)], 2);
      return { shape: joined.shape, data: joined.data };
    };
    const inputs = { ...own, "state.k": state.k, "state.v": state.v };
    const outputs = { "state.k": join(state.k, own.k), "state.v": join(state.v, own.v) };
    expect(await run({ ...softmax, inputs, outputs })).toMatchObject([{ status: "pass" }]);
    const wrong = { ...outputs, "state.k": join(own.k, state.k) };
    expect(await run({ ...softmax, inputs, outputs: wrong })).toMatchObject([
      { status: "fail", worst: { output: "state.k" } },
    ]);
  });

  test("float32 inputs with float64 outputs run in float32, and a wrong number is seen there too", async () => {
    const y = softmax.outputs.y!;
    const golden = { ...softmax, outputs: { y: { ...y, data: Float64Array.from(y.data) } } };
    expect(await run(golden)).toMatchObject([{ status: "pass" }]);
    const wrong = { ...y, data: Float64Array.from(y.data, (x, i) => (i === 3 ? x + 1e-3 : x)) };
    expect(await run({ ...golden, outputs: { y: wrong } })).toMatchObject([{ status: "fail" }]);
  });

  test("a wrong number fails, and says where", async () => {
    const y = softmax.outputs.y!;
    const data = Float32Array.from(y.data);
    data[7]! += 1;
    const [result] = await run({ ...softmax, outputs: { y: { ...y, data } } });
    expect(result).toMatchObject({ status: "fail", worst: { output: "y", index: [0, 0, 1, 3] } });
    expect(result!.worst!.used).toBeGreaterThan(1);
    expect(result!.reason).toMatch(/y\[0,0,1,3\] is .* expected/);
  });

  test("infinities and NaN must match exactly", async () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const data = Float32Array.from(softmax.outputs.y!.data);
      data[0] = value;
      expect(await run({ ...softmax, outputs: { y: { ...softmax.outputs.y!, data } }, rtol: 1e9 })).toMatchObject([
        { status: "fail" },
      ]);
    }
  });

  test("an output that is missing or of another shape fails", async () => {
    const y = softmax.outputs.y!;
    const [missing] = await run({ ...softmax, outputs: { "state.other": y } });
    expect(missing).toMatchObject({
      status: "fail",
      reason: "the call gave no state.other; it gave y, state.k, state.v, state.keep",
    });
    const [shape] = await run({ ...softmax, outputs: { y: { ...y, shape: [4, 2, 3, 4] } } });
    expect(shape!.reason).toBe("y has shape [2,4,3,4], expected [4,2,3,4]");
  });

  test("what is declared unsupported is unsupported, with the reason; a bad call is a failure", async () => {
    const double = expected("softmax", {}, "float64", 0);
    const mask = {
      ...expected("linear", {}, "float32", 0),
      inputs: { ...softmax.inputs, mask: bytes([3, 5], Array(15).fill(1)) },
    };
    const short = { ...softmax, inputs: { ...softmax.inputs, v: tensor("float32", [2, 2, 4, 4]) } };
    const results = await run(double, { ...softmax, mechanism: "sorcery" }, mask, short);
    expect(results.map((r) => r.status)).toEqual(["unsupported", "unsupported", "unsupported", "fail"]);
    expect(results.every((r) => r.reason)).toBe(true);
    expect(await runVectors([double], { backend: cpu({ dtype: "float64" }), mechanism: make })).toMatchObject([
      { status: "pass" },
    ]);
  });

  test.each<[string, RegExp, unknown]>([
    ["no file", /vectors: got 3/, 3],
    ["format", /format is "x"/, { format: "x", cases: [] }],
    ["no name", /case number 0, name/, file((c) => Reflect.set(c, "name", ""))],
    ["causal", /case one, causal: is "yes"/, file((c) => Reflect.set(c, "causal", "yes"))],
    ["options", /case one, options/, file((c) => Reflect.set(c, "options", null))],
    ["atol", /case one, atol: is -1/, file((c) => Reflect.set(c, "atol", -1))],
    ["no q", /case one, inputs\.q: is missing/, file((c) => Reflect.deleteProperty(c.inputs!, "q"))],
    ["unknown input", /case one, inputs\.z/, file((c) => Reflect.set(c.inputs!, "z", 1))],
    ["no outputs", /case one, outputs: is empty/, file((c) => Reflect.set(c, "outputs", {}))],
    [
      "dtype",
      /case one, inputs\.q: dtype is "int8"/,
      file((c) => Reflect.set(c.inputs!["q" as never], "dtype", "int8")),
    ],
    ["shape", /case one, inputs\.q: shape/, file((c) => Reflect.set(c.inputs!["q" as never], "shape", [-1]))],
    [
      "length",
      /case one, inputs\.q: data has 384 bytes, expected 20/,
      file((c) => Reflect.set(c.inputs!["q" as never], "shape", [5])),
    ],
    [
      "base64",
      /case one, inputs\.q: data is not base64/,
      file((c) => Reflect.set(c.inputs!["q" as never], "data", "?")),
    ],
    [
      "float mask",
      /case one, inputs\.keyMask: is float32, expected bool/,
      file((c) => Reflect.set(c.inputs!, "keyMask", c.inputs!["q" as never])),
    ],
  ])("a bad file is refused, naming case and field: %s", (_, message, bad) => {
    let thrown: unknown;
    try {
      readVectors(bad);
    } catch (error) {
      thrown = error;
    }
    expect(isAttentionError(thrown, "ATTN_DATA")).toBe(true);
    expect(String(thrown)).toMatch(message);
  });

  test("two cases of one name are refused", () => {
    expect(() => readVectors(writeVectors([softmax, softmax]))).toThrow(/another case has this name/);
  });
});
