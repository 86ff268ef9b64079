import { attention, type Backend, isAttentionError } from "@attnkit/core";
import { mechanismProgram } from "@attnkit/core/backend";
import { cpu } from "@attnkit/cpu";
import { elementwise } from "@attnkit/elementwise";
import { linear } from "@attnkit/linear";
import { logsumexp } from "@attnkit/logsumexp";
import { exportOnnx, onnx, withFused } from "@attnkit/onnx";
import { polynomial } from "@attnkit/polynomial";
import { scores, softmax } from "@attnkit/softmax";
import { fromOnnxAttention } from "@attnkit/softmax/onnx-attention";
import { tfjs } from "@attnkit/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-node";
import "@tensorflow/tfjs-backend-cpu";
import { describe, expect, test } from "vitest";
import { wrongTensors, wrongValues } from "./wrong-values.ts";

/** A right call with one argument replaced; `names` is what a refusal must name, `legal` the values that are right. */
interface Door {
  readonly where: string;
  readonly names: RegExp;
  readonly legal?: readonly string[];
  readonly act: (x: unknown) => unknown;
}
type Values = Readonly<Record<string, () => unknown>>;
// biome-ignore lint/suspicious/noExplicitAny: callers in plain JavaScript have no types.
type Untyped = (...args: any[]) => any;

/** Holds a door against every value: each is refused with a code and a sentence that names the argument, or legal. */
async function hold({ where, names, legal = [], act }: Door, values: Values): Promise<void> {
  const wrong: string[] = [];
  for (const [what, make] of Object.entries(values)) {
    let text = "accepted";
    try {
      await act(make());
    } catch (error) {
      if (!isAttentionError(error)) text = `a fault of ours: ${error}`;
      else if (!names.test(error.message)) text = `a message that does not name it: ${error.message}`;
      else if (!/got|is /.test(error.message) || !/expected/.test(error.message)) text = `vague: ${error.message}`;
      else text = error.code;
    }
    const right = legal.includes(what) ? text === "accepted" : /^ATTN_/.test(text);
    if (!right) wrong.push(`${where} <- ${what}: ${text}`);
  }
  expect(wrong).toEqual([]);
}

const NONE = "undefined";
const RECORDS = ["an object", "an object without prototype"];
const BOOLEANS = ["true", "false"];
const FLOATS = "a float tensor [2, 2]";
/** Functions that fail for reasons of their own. */
const functions = ["a function", "an arrow that throws", "a class"];
const notFunctions: Values = Object.fromEntries(Object.entries(wrongValues).filter(([n]) => !functions.includes(n)));

function doorsOf(b: Backend<unknown>) {
  const up = (...shape: number[]) => b.upload(new Float32Array(shape.reduce((x, y) => x * y, 1)).fill(0.5), shape);
  const bits = (...shape: number[]) => b.upload(new Uint8Array(shape.reduce((x, y) => x * y, 1)).fill(1), shape);
  const attend = attention(softmax(), b, { lse: true });
  const plain = { q: up(2, 2), k: up(2, 2), v: up(2, 2) };
  const full = { ...plain, mask: bits(1, 2), bias: up(2, 2), keyMask: bits(2) };
  const floats = ["q", "k", "v"].map((n): [string, string[]] => [n, [FLOATS]]);
  const entries: [string, string[]][] = [
    ...floats,
    ["mask", [NONE, "a boolean tensor [2, 2]"]],
    ["bias", [NONE, "a scalar tensor", FLOATS]],
    ["keyMask", [NONE]],
    ["state", [NONE]],
  ];
  const door = (where: string, names: RegExp, legal: readonly string[], act: Door["act"]): Door => ({
    ...{ where, names, legal, act },
  });
  const named = (n: string) => new RegExp(n === "state" ? "state|entr|tensor" : `\\b${n}\\b`);
  const calls = entries.flatMap(([n, legal]) => [
    door(`a call, ${n}`, named(n), legal, (x) => attend({ ...full, [n]: x } as never)),
    ...(b.ops ? [door(`sync, ${n}`, named(n), legal, (x) => attend.sync({ ...full, [n]: x } as never))] : []),
  ]);
  const past = async () => (await attend(plain)).state;
  const output = () => attend(plain) as Promise<never>;
  const program = mechanismProgram(softmax(), { causal: false, lse: false });
  const seeds = { y: up(2, 2) };
  const [upload, vjp] = [b.upload, b.vjp] as [Untyped, Untyped];
  const all = Object.keys(wrongTensors(b));
  const rank4 = { q: up(1, 1, 2, 2), k: up(1, 1, 2, 2), v: up(1, 1, 2, 2) };
  const how = { causal: false, stage: "weights" } as const;
  return [
    ...calls,
    door("a call, its block", /block|object/, [], attend as Untyped),
    door("a call, a second argument", /object/, [NONE, "0", "1", "-1", "NaN", "Infinity", "1.5"], (x) =>
      (attend as Untyped)(full, x),
    ),
    ...["k", "v", "keep"].map((n) =>
      door(`a call, state.${n}`, named(n), n === "keep" ? [NONE] : [], async (x) =>
        attend({ ...plain, state: { ...(await past()), [n]: x } as never }),
      ),
    ),
    ...["causal", "lse", "state"].map((n) =>
      door(`attention, ${n}`, named(n), [NONE, ...BOOLEANS], (x) => attention(softmax(), b, { [n]: x })),
    ),
    door("attention, kernels", /kernels/, [NONE], (kernels) => attention(softmax(), b, { kernels } as never)),
    door("attention, options", /options/, [NONE, ...RECORDS], (x) => attention(softmax(), b, x as never)),
    door("attention, mechanism", /mechanism/, [], (x) => attention(x as never, b)),
    door("attention, backend", /backend/, [], (x) => attention(softmax(), x as never)),
    door("merge, a", /\ba\b|state/, [], async (x) => attend.merge(x as never, await past())),
    door("merge, b", /\bb\b|state/, [], async (x) => attend.merge(await past(), x as never)),
    door("mergeOutputs, a", /\ba\b/, [], async (x) => attend.mergeOutputs(x as never, await output())),
    door("mergeOutputs, y", /\by\b/, [FLOATS], async (x) =>
      attend.mergeOutputs({ ...((await output()) as object), y: x } as never, await output()),
    ),
    door("mergeOutputs, lse", /\blse\b/, [], async (x) =>
      attend.mergeOutputs(await output(), { ...((await output()) as object), lse: x } as never),
    ),
    door("upload, data", /data/, ["a Float32Array"], (x) => upload(x, [2, 2])),
    door("upload, data alone", /data|shape/, ["no entries", "one number", "numbers in arrays"], (x) => upload(x)),
    door("upload, shape", /shape/, [], (x) => upload(new Float32Array(4), x)),
    door("upload, a size", /shape|size/, ["1"], (x) => upload(new Float32Array(4), [4, x])),
    door("download", /tensor/, all, (x) => b.download(x)),
    door("shape", /tensor/, all, (x) => b.shape(x)),
    door("boolean", /tensor/, all, (x) => b.boolean?.(x)),
    door("free", /tensor/, all, (x) => b.free(x)),
    door("vjp, x", /\bx\b/, [], (x) => vjp(program, x, seeds, ["q"])),
    door("vjp, seeds", /seeds/, RECORDS, (x) => vjp(program, plain, x, ["q"])),
    door("vjp, a seed", /seed/, [FLOATS], (y) => vjp(program, plain, { y }, ["q"])),
    door("vjp, wrt", /wrt/, ["no entries"], (x) => vjp(program, plain, seeds, x)),
    door("vjp, a name of wrt", /wrt/, ["a text"], (x) => vjp(program, plain, seeds, [x])),
    ...(b.ops
      ? [
          door("scores, o", /option o /, [], (x) => scores(x as never, rank4, how)),
          door("scores, block", /block/, [], (x) => scores(b.ops!, x as never, how)),
          door("scores, how", /options|causal/, [], (x) => scores(b.ops!, rank4, x as never)),
          door("scores, causal", /causal/, BOOLEANS, (x) => scores(b.ops!, rank4, { ...how, causal: x as never })),
          door("scores, stage", /stage/, [], (x) => scores(b.ops!, rank4, { ...how, stage: x as never })),
          door("scores, options", /options/, [NONE, ...RECORDS], (x) => scores(b.ops!, rank4, how, x as never)),
        ]
      : []),
  ];
}

const backends: readonly (readonly [string, Backend<unknown>])[] = [
  ["cpu", cpu() as Backend<unknown>],
  ["tfjs-cpu", tfjs({ tf }) as unknown as Backend<unknown>],
  ["ort-cpu", onnx({ ort }) as Backend<unknown>],
];
describe.each(backends)("on %s", (_, b) => {
  const values = { ...wrongValues, ...wrongTensors(b) };
  for (const door of doorsOf(b)) test(door.where, () => hold(door, values));
  test("vjp, an entry of x", () => {
    const act = (q: unknown) => b.vjp(() => ({}), { q }, {}, []);
    return hold({ where: "vjp, x.q", names: /x\.q/, act }, wrongValues);
  });
  for (const [where, act] of [
    ["compile", (x: unknown) => (b.compile as Untyped)(x)({})],
    ["vjp, program", (x: unknown) => (b.vjp as Untyped)(x, {}, {}, [])],
  ] as const)
    test(where, () => hold({ where, names: /program/, act }, notFunctions));
});

const form = { form: "prefill", dims: { Hq: 1, d: 2 } };
const fused = { name: "a", providers: ["cpu"], accepts: () => true, forward: () => 1 };
const factory = (name: string, make: Untyped, options: Readonly<Record<string, readonly string[]>>): Door[] => [
  { where: name, names: /options|tf|ort/, legal: [NONE, ...RECORDS], act: (x) => make(x) },
  ...Object.entries(options).map(([n, legal]) => ({
    ...{ where: `${name}, ${n}`, names: new RegExp(n), legal: [NONE, ...legal] },
    act: (x: unknown) => make({ [n]: x }),
  })),
];
const exported = (n: string, legal: readonly string[] = []): Door => ({
  ...{ where: `exportOnnx, ${n}`, names: new RegExp(n), legal: [NONE, ...legal] },
  act: (x) => (exportOnnx as Untyped)(softmax(), { ...form, [n]: x }),
});
const rest: readonly Door[] = [
  ...factory("softmax", softmax, { scale: ["0", "1", "-1", "1.5"], softcap: ["1", "1.5"], window: [] }),
  ...factory("linear", linear, { featureMap: [], normalize: BOOLEANS, scale: ["1", "1.5"] }),
  ...factory("polynomial", polynomial, {
    power: ["1"],
    coefficients: ["one number"],
    normalizer: ["1", "1.5"],
    form: [],
  }),
  ...factory("logsumexp", logsumexp, { logValues: BOOLEANS }),
  ...factory("elementwise", elementwise, { order: [] }),
  ...factory("cpu", cpu, { dtype: [] }),
  ...factory("fromOnnxAttention", fromOnnxAttention, {
    ...{ is_causal: ["0", "1"], scale: ["1", "1.5", "a bigint"], softcap: ["0", "1", "1.5", "a bigint"] },
    ...{ softmax_precision: ["1"], left_window_size: ["0", "1", "-1", "a bigint"] },
  }),
  ...factory("fromOnnxAttention, node", (x) => (fromOnnxAttention as Untyped)({}, x), {
    ...{ opset: [], mask: [], qkMatmulOutput: BOOLEANS },
  }),
  { where: "onnx", names: /ort/, act: (x) => (onnx as Untyped)(x) },
  { where: "tfjs", names: /tf/, act: (x) => (tfjs as Untyped)(x) },
  { where: "tfjs, tf", names: /tf/, act: (x) => (tfjs as Untyped)({ tf: x }) },
  ...factory("onnx, more", (x) => onnx({ ...Object(x), ort }), {
    ...{ executionProviders: ["two texts"], dtype: [], maxSessions: ["1", "Infinity"] },
  }).slice(1),
  { where: "exportOnnx, mechanism", names: /mechanism/, act: (x) => (exportOnnx as Untyped)(x, form) },
  { where: "exportOnnx, options", names: /option/, act: (x) => (exportOnnx as Untyped)(softmax(), x) },
  ...["causal", "lse", "mask", "bias", "keyMask"].map((n) => exported(n, BOOLEANS)),
  ...[exported("dtype"), exported("opset"), exported("chunk", ["1"])],
  { where: "withFused, mechanism", names: /mechanism/, act: (x) => (withFused as Untyped)(x, fused) },
  { where: "withFused, fused", names: /fused/, act: (x) => (withFused as Untyped)(softmax(), x) },
  ...["name", "providers", "accepts", "forward"].map((n) => ({
    ...{ where: `withFused, ${n}`, names: new RegExp(n) },
    legal:
      { name: ["no text", "a text"], providers: ["no entries", "one number", "numbers in arrays", "two texts"] }[n] ??
      functions,
    act: (x: unknown) => (withFused as Untyped)(softmax(), { ...fused, [n]: x }),
  })),
];
test.each(rest.map((door) => [door.where, door] as const))("%s", (_, door) => hold(door, wrongValues));
