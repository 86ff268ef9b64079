/** One test for each option of the layers. The types require a test for every option, inherited ones included. */
import { linear } from "@attnkit/linear";
import { scores, softmax } from "@attnkit/softmax";
import { attentionLayers, type MultiHeadAttentionArgs, type PaddingMaskArgs } from "@attnkit/tfjs/layers";
import "@tensorflow/tfjs-backend-cpu";
import type { Mechanism } from "@attnkit/core";
import type { Kernel } from "@attnkit/core/backend";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { beforeAll, describe, expect, test } from "vitest";
import { given, kit, numbers, wave, worst } from "./oracle.ts";
import { apply, refused } from "./refused.ts";

const { MultiHeadAttention } = kit;
const { MultiHeadAttention: WithScores } = attentionLayers(given(scores));
const [B, L, D] = [2, 4, 6];
const base = { mechanism: "softmax", numHeads: 2, keyDim: 3 };
type Args = Partial<MultiHeadAttentionArgs>;
const make = (more: Args = {}) => new MultiHeadAttention({ ...base, ...more });
const x = (n = L) => tf.slice(tf.tensor3d(wave(B, L, D, 0.4)), [0, 0, 0], [B, n, D]);
const weights = (layer: tfl.layers.Layer) => Promise.all(layer.getWeights().map(numbers));

/** A layer that was called once, so that it has weights. */
function built(more: Args = {}) {
  const layer = make(more);
  layer.apply(x());
  return layer;
}

/** The outputs of two layers with the same weights. */
async function outputs(a: Args, b: Args, input = x(), call: object = {}): Promise<[number[], number[]]> {
  const [one, other] = [built(a), built(b)];
  other.setWeights(one.getWeights());
  return [await numbers(apply(one, input, call)), await numbers(apply(other, input, call))];
}

const shapes = (more: Args) =>
  built(more)
    .getWeights()
    .map((w) => w.shape);
const differ = ([a, b]: [number[], number[]]) => expect(worst(a, b)).toBeGreaterThan(1e-3);
const equal = ([a, b]: [number[], number[]]) => expect(worst(a, b)).toBeLessThan(1e-6);
const losses = async (layer: tfl.layers.Layer) =>
  (await Promise.all(layer.calculateLosses().map(numbers))).flat().reduce((a, b) => a + b, 0);
/** The sum of the squares of the weights `from`, `from + 2`, ...: kernels from 0 on, biases from 1 on. */
const squares = async (layer: tfl.layers.Layer, from: 0 | 1) =>
  (await weights(layer)).flatMap((w, i) => (i % 2 === from ? w.map((n) => n * n) : [])).reduce((a, b) => a + b, 0);

/** A mechanism with a kernel that counts its calls. */
function counted(): { readonly mechanism: Mechanism; calls: number } {
  const mechanism = linear();
  const result = { calls: 0, mechanism };
  const kernel: Kernel<tf.Tensor> = {
    ...{ name: "counted", kind: "tfjs" as const, accepts: () => true },
    run(block, call, { ops }) {
      result.calls++;
      return mechanism.forward(ops!, block, call);
    },
  };
  return Object.assign(result, { mechanism: { ...mechanism, kernels: [kernel as Kernel<unknown>] } });
}

const half = { mechanism: linear(), dropout: 0.5 } as const;
const padding = {
  mask: tf.tensor2d([
    [1, 1, 0, 1],
    [1, 0, 1, 1],
  ]),
};

const effects: Record<keyof MultiHeadAttentionArgs, () => unknown> = {
  mechanism: async () => {
    differ(await outputs({}, { mechanism: "linear" }));
    equal(await outputs({}, { mechanism: softmax() }));
  },
  mechanismOptions: async () => {
    const [windowed, single] = await outputs({ mechanismOptions: { window: [0, 0] } }, {}, x(1));
    expect(windowed).toEqual(single);
    differ(await outputs({ mechanismOptions: { window: [0, 0] } }, {}));
  },
  numHeads: () =>
    expect(shapes({ numHeads: 5, useBias: false })).toEqual([
      [D, 15],
      [D, 15],
      [D, 15],
      [15, D],
    ]),
  numKvHeads: () =>
    expect(shapes({ numKvHeads: 1, useBias: false })).toEqual([
      [D, 6],
      [D, 3],
      [D, 3],
      [6, D],
    ]),
  keyDim: () =>
    expect(shapes({ keyDim: 4, useBias: false })).toEqual([
      [D, 8],
      [D, 8],
      [D, 8],
      [8, D],
    ]),
  valueDim: () =>
    expect(shapes({ valueDim: 5, useBias: false })).toEqual([
      [D, 6],
      [D, 6],
      [D, 10],
      [10, D],
    ]),
  outputShape: () => expect(apply(make({ outputShape: 9 }), x()).shape).toEqual([B, L, 9]),
  useCausalMask: async () => {
    const [causal, all] = await outputs({ useCausalMask: true }, {}, x());
    const [first] = await outputs({ useCausalMask: true }, {}, x());
    const layer = built({ useCausalMask: true });
    const rows = async (n: number) => numbers(tf.slice(apply(layer, x(n)), [0, 0, 0], [B, 2, D]));
    expect(worst(await rows(L), await rows(2))).toBeLessThan(1e-6);
    expect(first).toHaveLength(causal.length);
    differ([causal, all]);
  },
  useBias: () => {
    expect(shapes({ useBias: false })).toHaveLength(4);
    expect(shapes({ useBias: true })).toHaveLength(8);
  },
  dropout: async () => {
    const dropOut = { training: true };
    differ(await outputs({ ...half, dropoutOn: "output" }, { mechanism: linear() }, x(), dropOut));
    equal(await outputs({ ...half, dropoutOn: "output" }, { mechanism: linear() }));
  },
  dropoutOn: () => {
    refused(() => make({ ...half, dropoutOn: "weights" }), "ATTN_UNSUPPORTED");
    expect(apply(make({ ...half, dropoutOn: "output" }), x(), { training: true }).shape).toEqual([B, L, D]);
  },
  returnAttentionScores: () => {
    const results = new WithScores({ ...base, returnAttentionScores: true }).apply(x()) as tf.Tensor[];
    expect(results.map((t) => t.shape)).toEqual([
      [B, L, D],
      [B, 2, L, L],
    ]);
  },
  useInputMask: async () => {
    const masked = built();
    const ignoring = built({ useInputMask: false });
    ignoring.setWeights(masked.getWeights());
    const plain = await numbers(apply(masked, x()));
    equal([await numbers(apply(ignoring, x(), padding)), plain]);
    differ([await numbers(apply(masked, x(), padding)), plain]);
  },
  lastIsMask: async () => {
    const square = tf.cast(tf.greater(tf.tensor3d(wave(B, D, D, 0.4)), 0), "float32");
    const inputs = [tf.tensor3d(wave(B, D, D, 1)), square];
    const run = (layer: tfl.layers.Layer) => apply(layer, inputs);
    const [mask, value] = [make({ lastIsMask: true }), make({ lastIsMask: false })];
    run(mask);
    run(value);
    value.setWeights(mask.getWeights());
    differ([await numbers(run(mask)), await numbers(run(value))]);
  },
  kernels: () => {
    expect(() => apply(make({ kernels: "require" }), x())).toThrow(expect.objectContaining({ code: "ATTN_NO_KERNEL" }));
    const counts = (["prefer", "require", "never"] as const).map((kernels) => {
      const subject = counted();
      apply(make({ kernels, mechanism: subject.mechanism }), x());
      return subject.calls;
    });
    expect(counts).toEqual([1, 1, 0]);
  },
  kernelInitializer: async () =>
    expect((await weights(built({ kernelInitializer: "ones" }))).map((w) => new Set(w))).toEqual(
      [1, 0, 1, 0, 1, 0, 1, 0].map((n) => new Set([n])),
    ),
  biasInitializer: async () => {
    const all = await weights(built({ biasInitializer: "ones" }));
    for (const bias of all.filter((_, i) => i % 2 === 1)) expect(new Set(bias)).toEqual(new Set([1]));
  },
  kernelRegularizer: async () => {
    const layer = built({ kernelRegularizer: tfl.regularizers.l2({ l2: 0.5 }), biasInitializer: "ones" });
    expect((await losses(layer)) / (0.5 * (await squares(layer, 0)))).toBeCloseTo(1, 5);
  },
  biasRegularizer: async () => {
    const layer = built({ biasRegularizer: tfl.regularizers.l2({ l2: 0.5 }), biasInitializer: "ones" });
    expect(await losses(layer)).toBeCloseTo(0.5 * (3 * 6 + D), 5);
  },
  name: () => {
    const layer = built({ name: "mixer" });
    expect([layer.name, ...layer.weights.map((w) => w.name.split("/")[0])]).toEqual([
      "mixer",
      ...Array(8).fill("mixer"),
    ]);
  },
  trainable: () => {
    expect(built({ trainable: false }).trainableWeights).toHaveLength(0);
    expect(built({}).trainableWeights).toHaveLength(8);
  },
  weights: async () => {
    const source = built();
    equal([await numbers(apply(make({ weights: source.getWeights() }), x())), await numbers(apply(source, x()))]);
  },
  inputShape: () => {
    expect(make({ inputShape: [L, D] }).batchInputShape).toEqual([null, L, D]);
    expect(tfl.sequential({ layers: [make({ inputShape: [null, D] })] }).inputs[0]!.shape).toEqual([null, null, D]);
  },
  batchInputShape: () => {
    const model = tfl.sequential({ layers: [make({ batchInputShape: [B, L, D] })] });
    expect([model.inputs[0]!.shape, model.outputs[0]!.shape]).toEqual([
      [B, L, D],
      [B, L, D],
    ]);
  },
  batchSize: () => {
    const model = tfl.sequential({ layers: [make({ inputShape: [L, D], batchSize: 3 })] });
    expect([model.inputs[0]!.shape, model.outputs[0]!.shape]).toEqual([
      [3, L, D],
      [3, L, D],
    ]);
  },
  dtype: () => {
    const type = (more: Args) => tfl.sequential({ layers: [make({ inputShape: [L, D], ...more })] }).inputs[0]!.dtype;
    expect([type({}), type({ dtype: "float32" }), type({ dtype: "int32" })]).toEqual(["float32", "float32", "int32"]);
    refused(() => make({ dtype: "int32" }), "ATTN_OPTION");
  },
  inputDType: () => {
    const layer = make({ inputShape: [L, D], inputDType: "int32" });
    expect(tfl.sequential({ layers: [layer] }).inputs[0]!.dtype).toBe("int32");
    refused(() => make({ inputShape: [L, D], inputDType: "int32", dtype: "float32" }), "ATTN_OPTION");
  },
};

const paddingEffects: Record<keyof PaddingMaskArgs, () => unknown> = {
  padding: async () => {
    const tokens = tf.tensor2d([[3, 0, 7]], undefined, "int32");
    const mask = (args: PaddingMaskArgs) => numbers(apply(new kit.PaddingMask(args), tokens));
    expect([await mask({}), await mask({ padding: 7 })]).toEqual([
      [1, 0, 1],
      [1, 1, 0],
    ]);
  },
  name: () => expect(new kit.PaddingMask({ name: "padded" }).name).toBe("padded"),
  trainable: () => expect(new kit.PaddingMask({ trainable: false }).getConfig()).toMatchObject({ trainable: false }),
  weights: () => refused(() => new kit.PaddingMask({ weights: [tf.ones([2])] }), "ATTN_OPTION"),
  inputShape: () => expect(first({ inputShape: [5] })).toEqual([[null, 5], "float32"]),
  batchInputShape: () => expect(first({ batchInputShape: [2, 5] })).toEqual([[2, 5], "float32"]),
  batchSize: () => expect(first({ inputShape: [5], batchSize: 2 })).toEqual([[2, 5], "float32"]),
  dtype: () => expect(first({ inputShape: [5], dtype: "int32" })).toEqual([[null, 5], "int32"]),
  inputDType: () => expect(first({ inputShape: [5], inputDType: "int32" })).toEqual([[null, 5], "int32"]),
};

/** Shape and type of the input of a model that begins with a padding mask. */
function first(args: PaddingMaskArgs) {
  const { shape, dtype } = tfl.sequential({ layers: [new kit.PaddingMask(args)] }).inputs[0]!;
  return [shape, dtype];
}

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("every option of MultiHeadAttention has its effect", () => {
  test.each(Object.entries(effects))("%s", async (_, effect) => {
    await effect();
  });
});

describe("every option of PaddingMask has its effect", () => {
  test.each(Object.entries(paddingEffects))("%s", async (_, effect) => {
    await effect();
  });
});

test("customObjects is what tf.layers adds to a configuration that it loads, and must be an object", () => {
  const config = built().getConfig();
  const loaded = new MultiHeadAttention({ ...config, customObjects: {} } as unknown as MultiHeadAttentionArgs);
  expect(loaded.name).toBe(config.name);
  expect(Object.keys(loaded.getConfig())).toEqual(Object.keys(config));
  refused(() => make({ customObjects: 3 } as Args), "ATTN_OPTION", "customObjects");
});

test("constraints are refused: tf.layers does not apply them in fit", () => {
  for (const name of ["kernelConstraint", "biasConstraint"])
    refused(() => make({ [name]: "nonNeg" } as Args), "ATTN_UNSUPPORTED", name);
});

test("a call computes no state, decode does", () => {
  const asked: (boolean | undefined)[] = [];
  const own = softmax();
  const forward: Mechanism["forward"] = (o, block, how) => {
    asked.push(how.state);
    return own.forward(o, block, how);
  };
  const layer = make({ mechanism: { ...own, forward }, useCausalMask: true });
  layer.apply(x());
  layer.decode(x());
  expect(asked).toEqual([false, true]);
});
