/** Masks among the inputs and in the arguments of a call: used, or refused, never taken for a key or a value. */
import "@tensorflow/tfjs-backend-cpu";
import { mechanisms } from "@attnkit/catalog";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { beforeAll, describe, expect, test } from "vitest";
import { expected, kit, numbers, wave, worst } from "./oracle.ts";
import { apply, refused } from "./refused.ts";

const { MultiHeadAttention } = kit;
const code = (code: string) => expect.objectContaining({ name: "AttentionError", code });
const make = (more: object = {}) =>
  new MultiHeadAttention({ mechanism: "softmax", numHeads: 2, keyDim: 3, useBias: false, ...more });
const symbolic = (x: unknown) => x as tfl.SymbolicTensor;

/** `[B, L, S]`, other for each sequence, no row empty. */
const pairs = (B: number, L: number, S: number) =>
  [...Array(B).keys()].map((b) =>
    [...Array(L).keys()].map((i) => [...Array(S).keys()].map((j) => +((i + j + b) % 3 > 0 || j === 0))),
  );
const tensor = (x: number[][][], dtype: "bool" | "int32" | "float32" = "float32") => tf.tensor3d(x, undefined, dtype);

beforeAll(async () => {
  await tf.setBackend("cpu");
  for (const layer of Object.values(kit)) tf.serialization.registerClass(layer);
});

describe("the mask of Keras, [B, T, S]", () => {
  const ones = { mechanism: "softmax", numHeads: 1, keyDim: 1, useBias: false, kernelInitializer: "ones" as const };
  const x = () => tf.tensor3d([1, 2, 4], [1, 3, 1]);
  const lower = (dtype: "bool" | "int32" | "float32") => tf.tensor3d([1, 0, 0, 1, 1, 0, 1, 1, 1], [1, 3, 3], dtype);
  const right = [1, 1.881, 3.999];

  test("boolean, it is the mask", async () => {
    const t = x();
    const y = apply(new MultiHeadAttention(ones), [t, t, lower("bool")]);
    expect(worst(await numbers(y), right)).toBeLessThan(1e-3);
    const key = apply(new MultiHeadAttention(ones), [x(), x(), x(), lower("float32")]);
    expect(worst(await numbers(key), right)).toBeLessThan(1e-3);
  });

  test.each(["float32", "int32"] as const)(
    "as %s it is the mask where it cannot be a key, and else refused",
    async (dtype) => {
      const t = x();
      refused(
        () => apply(new MultiHeadAttention(ones), [t, t, lower(dtype)]),
        "ATTN_SHAPE",
        "key",
        "mask",
        "lastIsMask",
      );
      for (const [layer, kwargs] of [
        [new MultiHeadAttention({ ...ones, lastIsMask: true }), {}],
        [new MultiHeadAttention(ones), { attentionMask: lower(dtype) }],
      ] as const) {
        const y = apply(layer, "attentionMask" in kwargs ? [t, t] : [t, t, lower(dtype)], kwargs);
        expect(worst(await numbers(y), right)).toBeLessThan(1e-3);
      }
      const built = new MultiHeadAttention(ones);
      apply(built, t);
      expect(worst(await numbers(apply(built, [t, t, lower(dtype)])), right)).toBeLessThan(1e-3);
    },
  );
});

test.each(["bool", "int32", "float32"] as const)(
  "%s masks of every rank and place against the oracle",
  async (dtype) => {
    const [B, L, S, D] = [2, 4, 5, 6];
    const [query, memory] = [wave(B, L, D, 0.2), wave(B, S, D, 0.7)];
    const allowed = pairs(B, L, S);
    const mask = tensor(allowed, dtype);
    const [q, v] = [tensor(query), tensor(memory)];
    const layer = make({ useBias: true });
    apply(layer, [q, v]);
    const problem = {
      numHeads: 2,
      numKvHeads: 2,
      reference: mechanisms[0]!.reference(),
      query,
      value: memory,
      key: memory,
    };
    const weights = layer.getWeights();
    const want = await expected({ ...problem, weights, visible: (b, i, j) => allowed[b]![i]![j] === 1 });
    const rank4 = tf.reshape(mask, [B, 1, L, S]);
    const calls: [unknown, object?][] = [
      [[q, v, mask]],
      [[q, v, v, mask]],
      [[q, v, rank4]],
      [[q, v], { attentionMask: mask }],
      [[q, v], { attentionMask: rank4 }],
      [q, { value: v, attentionMask: mask }],
      [q, { value: v, key: v, attentionMask: mask, training: false, useCausalMask: false }],
    ];
    for (const [inputs, kwargs] of calls)
      expect(worst(await numbers(apply(layer, inputs, kwargs)), want)).toBeLessThan(1e-5);
    // One row of the mask for all queries, and one mask for all sequences.
    const row = await expected({ ...problem, weights, visible: (b, _, j) => allowed[b]![0]![j] === 1 });
    expect(worst(await numbers(apply(layer, [q, v, tf.slice(mask, [0, 0, 0], [B, 1, S])])), row)).toBeLessThan(1e-5);
    const one = await expected({ ...problem, weights, visible: (_, i, j) => allowed[0]![i]![j] === 1 });
    expect(worst(await numbers(apply(layer, [q, v, tf.slice(mask, [0, 0, 0], [1, L, S])])), one)).toBeLessThan(1e-5);
    const keys = tf.reshape(tf.slice(mask, [0, 0, 0], [B, 1, S]), [B, S]);
    expect(worst(await numbers(apply(layer, [q, v, keys])), row)).toBeLessThan(1e-5);
    expect(worst(await numbers(apply(layer, [q, v], { mask: [null, keys] })), row)).toBeLessThan(1e-5);
    expect(() => apply(make({ mechanism: "linear" }), [q, v, tf.cast(mask, "bool")])).toThrow(code("ATTN_UNSUPPORTED"));
  },
);

describe("inputs that type and shape tell apart", () => {
  const square = (n: number, phase: number) => tensor(wave(1, n, n, phase));

  test("a key stays a key", async () => {
    // As many tokens as channels: for a query of another length, and in a model whose lengths are open.
    const [q, v, k] = [tensor(wave(1, 7, 6, 1)), tensor(wave(1, 5, 8, 2)), square(5, 3)];
    const layer = make();
    apply(layer, [q, v, k]);
    expect(layer.getWeights().map(({ shape }) => shape[0])).toEqual([6, 5, 8, 6]);
    const t = square(6, 1);
    expect(await numbers(apply(make({ kernelInitializer: "ones" }), [t, t, t]))).toEqual(
      await numbers(apply(make({ kernelInitializer: "ones" }), t)),
    );
    const own = make();
    const inputs = [1, 2, 3].map(() => tfl.input({ shape: [null, 4] }));
    const model = tfl.model({ inputs, outputs: symbolic(own.apply(inputs)) });
    for (const n of [3, 4, 5]) {
      const x = [1, 2, 3].map((phase) => tensor(wave(2, n, 4, phase)));
      const y = model.predict(x) as tf.Tensor;
      const named = apply(own, x[0], { value: x[1], key: x[2] });
      expect(await numbers(y)).toEqual(await numbers(named));
    }
    // The same, at once: nothing says that the third is no mask.
    const x = [1, 2, 3].map((phase) => square(4, phase));
    refused(() => apply(make(), x), "ATTN_SHAPE", "4 channels", "lastIsMask");
    expect(await numbers(apply(make({ lastIsMask: false, kernelInitializer: "ones" }), x))).toEqual(
      await numbers(apply(make({ kernelInitializer: "ones" }), x[0], { value: x[1], key: x[2] })),
    );
  });

  test("a mask in second place is one where it cannot be a value", async () => {
    const x = tensor(wave(2, 4, 6, 0.3));
    const mask = pairs(2, 4, 4);
    const layer = make();
    const want = await numbers(apply(layer, [x, x, tensor(mask, "bool")]));
    expect(await numbers(apply(layer, [x, tensor(mask, "bool")]))).toEqual(want);
    expect(await numbers(apply(layer, [x, tensor(mask)]))).toEqual(want);
    refused(() => apply(make(), [x, tensor(mask)]), "ATTN_SHAPE", "value", "mask");
  });

  test("in models, also saved and loaded", async () => {
    const x = tfl.input({ shape: [4, 6] });
    const mask = tfl.input({ shape: [4, 4], dtype: "bool" });
    const one = make();
    const attended = symbolic(one.apply([x, x, x, mask]));
    const outputs = symbolic(
      tfl.layers.add().apply([x, symbolic(make({ lastIsMask: true }).apply([attended, attended, mask]))]),
    );
    const model = tfl.model({ inputs: [x, mask], outputs });
    const loaded = await tfl.models.modelFromJSON(JSON.parse(model.toJSON() as string));
    loaded.setWeights(model.getWeights());
    const [t, m] = [tensor(wave(2, 4, 6, 0.3)), tensor(pairs(2, 4, 4), "bool")];
    const [want, got] = [model, loaded].map((model) => model.predict([t, m]) as tf.Tensor);
    expect(await numbers(got!)).toEqual(await numbers(want!));
    const whole = model.predict([t, tf.ones([2, 4, 4])]) as tf.Tensor;
    expect(worst(await numbers(whole), await numbers(want!))).toBeGreaterThan(1e-3);
    const named = tfl.model({ inputs: [x, mask], outputs: symbolic(one.apply(x, { attentionMask: mask } as never)) });
    expect(await numbers(named.predict([t, m]) as tf.Tensor)).toEqual(await numbers(apply(one, [t, t, m])));
    // A mask of numbers with as many keys as the query has channels, which the model would find again as a value.
    const wide = tfl.input({ shape: [6, 6] });
    const square = tfl.input({ shape: [6, 6] });
    refused(() => make().apply([wide, wide, wide, square]), "ATTN_SHAPE", "lastIsMask: true");
  });
});

test("wrong inputs are refused with their numbers", () => {
  const [B, L, S, D] = [2, 4, 5, 6];
  const [q, v] = [tensor(wave(B, L, D, 0.2)), tensor(wave(B, S, D, 0.7))];
  const layer = make({ useCausalMask: true });
  apply(layer, [q, v]);
  const bool = (shape: number[]) => tf.ones(shape, "bool");
  const calls: [string, unknown, object?, ...string[]][] = [
    ["ATTN_SHAPE", [q, v, bool([B, L, S + 1])], {}, "[2, 4, 6]", "[2, 4, 5]"],
    ["ATTN_SHAPE", [q, v, bool([B, S, L])], {}, "[2, 5, 4]"],
    ["ATTN_SHAPE", [q, v, bool([B + 1, L, S])], {}, "[3, 4, 5]"],
    ["ATTN_SHAPE", [q, v, bool([B, 3, L, S])], {}, "[2, 3, 4, 5]", "[2, 2, 4, 5]"],
    ["ATTN_SHAPE", [q, v, bool([B, S - 1])], {}, "[2, 4]", "[2, 5]"],
    ["ATTN_SHAPE", [q, v, bool([1, S])], {}, "[1, 5]", "[2, 5]"],
    ["ATTN_SHAPE", [q, v, tf.ones([B, L, S + 1])], {}, "neither a key nor a mask"],
    ["ATTN_SHAPE", [q, tf.ones([B, S, D + 1])], {}, "7"],
    ["ATTN_SHAPE", [tf.ones([B, L, D + 2])], {}, "8 channels", "6"],
    ["ATTN_SHAPE", [q, tf.ones([B + 1, S, D])], {}, "[2, 4, 6]", "[3, 5, 6]"],
    ["ATTN_SHAPE", [q, v, tf.ones([B, S + 1, D])], {}, "neither a key nor a mask"],
    ["ATTN_SHAPE", [q, v, v, v, v], {}, "5 inputs"],
    ["ATTN_SHAPE", [], {}],
    ["ATTN_SHAPE", tf.ones([L, D]), {}, "rank 2"],
    ["ATTN_SHAPE", [bool([B, L]), q], {}, "rank 2"],
    ["ATTN_DATA", [bool([B, L, D])], {}, "boolean"],
    ["ATTN_DATA", [q, bool([B, S, D]), v], {}, "boolean"],
    ["ATTN_DATA", [q, undefined, v], {}, "input 1"],
    ["ATTN_DATA", [q, null], {}, "input 1"],
    ["ATTN_DATA", undefined, {}],
    ["ATTN_DATA", [q, [1, 2]], {}],
    ["ATTN_DATA", [q, symbolic(tfl.input({ shape: [S, D] }))], {}],
    ["ATTN_DATA", tf.fill([B, L, D], "a"), {}, "string"],
    ["ATTN_SHAPE", [q, v], { attentionMask: bool([L, S]) }, "rank 2"],
    ["ATTN_OPTION", [q, v, bool([B, S])], { attentionMask: bool([B, L, S]) }],
    ["ATTN_OPTION", [q, v], { value: v }],
    ["ATTN_OPTION", q, { key: v }],
    ["ATTN_OPTION", q, { attention_mask: bool([B, L, L]) }, "attention_mask"],
    ["ATTN_OPTION", q, { keyMask: bool([B, L]) }, "keyMask"],
    ["ATTN_OPTION", q, { training: 1 }, "training"],
    ["ATTN_OPTION", q, { useCausalMask: "yes" }],
    ["ATTN_UNSUPPORTED", q, { useCausalMask: false }, "useCausalMask"],
    ["ATTN_UNSUPPORTED", q, { returnAttentionScores: true }, "returnAttentionScores"],
    ["ATTN_DATA", q, { mask: "padding" }],
    ["ATTN_SHAPE", [q, v], { mask: [null, null, bool([B, S]), null] }, "4"],
    ["ATTN_SHAPE", q, { mask: bool([B, S]) }, "[2, 5]", "[2, 4]"],
  ];
  for (const [wanted, inputs, kwargs, ...says] of calls) refused(() => apply(layer, inputs, kwargs), wanted, ...says);
  const gone = tf.ones([B, L, D]);
  gone.dispose();
  refused(() => apply(layer, gone), "ATTN_DATA", "disposed");
  // Nothing was built by a call that was refused.
  const fresh = make();
  refused(() => apply(fresh, [q, v, bool([B, L, S + 1])]), "ATTN_SHAPE");
  expect(fresh.built).toBe(false);
  const input = tfl.input({ shape: [L, D] });
  for (const kwargs of [{ training: true }, { mask: tfl.input({ shape: [L] }) }])
    refused(() => make().apply(input, kwargs as never), "ATTN_UNSUPPORTED");
});

test("decode refuses what does not fit", () => {
  const layer = make({ useCausalMask: true });
  const x = tf.ones([1, 2, 6]);
  apply(layer, x);
  const { state } = layer.decode(x);
  const decode =
    (...args: unknown[]) =>
    () =>
      (layer.decode as (...args: unknown[]) => unknown)(...args);
  refused(decode(tf.ones([1, 2, 5])), "ATTN_SHAPE", "5 channels", "6");
  refused(decode(tf.ones([2, 6])), "ATTN_SHAPE", "rank 2");
  refused(decode(undefined), "ATTN_DATA");
  refused(decode([x, x]), "ATTN_DATA");
  refused(decode(tf.ones([1, 2, 6], "bool")), "ATTN_DATA");
  refused(decode(x, state, tf.ones([1, 3])), "ATTN_SHAPE", "[1, 3]", "[1, 2]");
  refused(decode(x, state, tf.ones([1, 2, 2])), "ATTN_SHAPE");
  refused(decode(tf.ones([2, 2, 6]), state), "ATTN_STATE");
  expect(layer.decode(x, null as never, null as never).y.shape).toEqual([1, 2, 6]);
  const cross = make({ useCausalMask: true });
  apply(cross, [x, tf.ones([1, 2, 4])]);
  refused(() => cross.decode(x), "ATTN_SHAPE", "4");
});

test("integers are numbers", async () => {
  const layer = make();
  const x = tf.tensor3d([1, -2, 3, 4, 5, 6], [1, 2, 3], "int32");
  const y = apply(layer, x);
  expect(await numbers(y)).toEqual(await numbers(apply(layer, tf.cast(x, "float32"))));
});

test("the mask that tf.layers attaches to an output counts at once, as in Keras", async () => {
  const embedding = tfl.layers.embedding({ inputDim: 9, outputDim: 6, maskZero: true });
  const [long, short] = [
    [3, 5, 0, 0],
    [3, 5],
  ].map((ids) => embedding.apply(tf.tensor2d([ids], undefined, "int32")) as tf.Tensor);
  const [one, two] = [make(), make()];
  const through = (x: tf.Tensor) => apply(two, apply(one, x));
  const want = await numbers(through(short!));
  expect(worst((await numbers(through(long!))).slice(0, 12), want)).toBeLessThan(1e-5);
  const q = tensor(wave(1, 3, 6, 1));
  expect(worst(await numbers(apply(one, [q, long])), await numbers(apply(one, [q, short])))).toBeLessThan(1e-5);
  const blind = make({ useInputMask: false });
  blind.build([[1, 4, 6]]);
  blind.setWeights(one.getWeights());
  expect(worst((await numbers(apply(blind, long))).slice(0, 12), await numbers(apply(one, short)))).toBeGreaterThan(
    1e-3,
  );
});
