/** Every layer and loss: core's gradient of each parameter and of the input, against central differences in float64. */
import { mechanisms as catalog } from "@attnkit/catalog";
import { vjp } from "@attnkit/core/backend";
import type { Ops } from "@attnkit/core/program";
import { cpu } from "@attnkit/cpu";
import { normals } from "@attnkit/measure/random";
import {
  attentionLayer,
  crossEntropy,
  dense,
  embedding,
  gelu,
  initialise,
  type Layer,
  layerNorm,
  learnedPositions,
  meanAbsoluteError,
  meanSquaredError,
  mlp,
  namedParameters,
  relu,
  rmsNorm,
  sequence,
  sinusoidalPositions,
  transformerBlock,
} from "@attnkit/train";
import { describe, expect, test } from "vitest";

const backend = cpu({ dtype: "float64" });
const o = backend.ops!;
const [B, N, C] = [2, 5, 6];

type Values = Readonly<Record<string, { readonly data: Float64Array; readonly shape: readonly number[] }>>;
type Scalar = <T>(o: Ops<T>, x: Readonly<Record<string, T>>) => T;

const at = (f: Scalar, values: Values) =>
  backend.download(
    f(o, Object.fromEntries(Object.entries(values).map(([n, { data, shape }]) => [n, backend.upload(data, shape)]))),
  );

/** The gradient along a random direction of each input, against the slope of the function there. */
async function check(f: Scalar, values: Values, wrt: readonly string[] = Object.keys(values)): Promise<void> {
  const x = Object.fromEntries(Object.entries(values).map(([n, { data, shape }]) => [n, backend.upload(data, shape)]));
  const seed = backend.upload(Float64Array.of(1), [1]);
  const gradients = vjp(o, (ops, w) => ({ y: f(ops, w) }), x, { y: seed }, wrt);
  const normal = normals(5);
  const h = 1e-5;
  for (const name of wrt) {
    const { data, shape } = values[name]!;
    const direction = Float64Array.from(data, normal);
    const moved = (by: number) => ({ ...values, [name]: { data: data.map((v, i) => v + by * direction[i]!), shape } });
    const slope = ((await at(f, moved(h)))[0]! - (await at(f, moved(-h)))[0]!) / (2 * h);
    const gradient = Float64Array.from(await backend.download(gradients[name]!));
    const along = gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0);
    expect(backend.shape(gradients[name]!)).toEqual(shape);
    expect(Math.abs(along - slope), `${name}: ${along} and ${slope}`).toBeLessThan(1e-6 * (1 + Math.abs(slope)));
    expect(Math.abs(slope), `${name} takes part`).toBeGreaterThan(1e-9);
  }
}

const random = (shape: readonly number[], seed: number) => {
  const normal = normals(seed);
  return { data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, normal), shape };
};

/** The layer's output times fixed numbers, so that no gradient cancels; every parameter is moved off its first value. */
function checkLayer(layer: Layer, input = random([B, N, C], 1), wrt = ["x", ...layer.parameters.map((p) => p.name)]) {
  const noise = normals(9);
  const named = namedParameters(layer.parameters, initialise(layer.parameters, 3));
  const w = Object.entries(named).map(([n, { data, shape }]) => [
    n,
    { data: Float64Array.from(data, (v) => v + 0.2 * noise()), shape },
  ]);
  const f: Scalar = (ops, { x, ...weights }) => {
    const y = layer.apply(ops, weights, x!);
    const row = ops.reshape(y, [-1]);
    const n = ops.shape(row)[0] as number;
    const factors = ops.constant(
      Array.from({ length: n }, (_, i) => Math.sin(i + 1)),
      [n],
    );
    return ops.sum(ops.mul(row, factors), 0);
  };
  return check(f, { x: input, ...Object.fromEntries(w) }, wrt);
}

describe("layers", () => {
  const tokens = { data: Float64Array.from({ length: B * N }, (_, i) => (i * 3) % 4), shape: [B, N] };
  test.each<[string, () => Promise<void>]>([
    ["dense", () => checkLayer(dense("a", { from: C, to: 4 }))],
    ["dense without bias", () => checkLayer(dense("a", { from: C, to: 4, bias: false }))],
    ["layerNorm", () => checkLayer(layerNorm("a", C))],
    ["rmsNorm", () => checkLayer(rmsNorm("a", C))],
    ["mlp with gelu", () => checkLayer(mlp("a", { width: C }))],
    ["mlp with relu", () => checkLayer(mlp("a", { width: C, activation: "relu" }))],
    ["learned positions", () => checkLayer(learnedPositions("a", { length: N + 2, width: C }))],
    ["embedding of indices", () => checkLayer(embedding("a", { count: 4, width: C }), tokens, ["a.weight"])],
    ["embedding of rows", () => checkLayer(embedding("a", { count: C, width: 4, input: "one-hot" }))],
    [
      "sinusoidal positions, then dense",
      () => checkLayer(sequence(sinusoidalPositions(), dense("a", { from: C, to: 2 }))),
    ],
  ])("%s", (_, act) => act());

  describe.each(catalog.map((entry) => [entry.name, entry.create()] as const))("%s", (_, mechanism) => {
    test.each([true, false])("attention, causal: %s", (causal) =>
      checkLayer(attentionLayer("a", { width: C, heads: 2, mechanism, causal, bias: true }), undefined, [
        ...[
          "x",
          "a.query.weight",
          "a.key.weight",
          "a.value.weight",
          "a.output.weight",
          "a.output.bias",
          "a.value.bias",
        ],
      ]),
    );
    test.each(["pre", "post"] as const)("block, %s-norm", (placement) =>
      checkLayer(transformerBlock("a", { width: C, heads: 3, mechanism, placement, norm: "rms" })),
    );
  });
});

describe("functions and losses", () => {
  const x = random([3, 4], 2);
  const other = random([3, 4], 7);
  const targets = { data: Float64Array.from({ length: 12 }, (_, i) => +(i % 4 === Math.floor(i / 4))), shape: [3, 4] };
  const total: (f: <T>(o: Ops<T>, x: T) => T) => Scalar = (f) => (ops, v) => {
    const y = f(ops, v.x!);
    return ops.sum(ops.reshape(ops.mul(y, y), [-1]), 0);
  };
  test.each<[string, Scalar, Values, string[]]>([
    ["gelu", total(gelu), { x }, ["x"]],
    ["relu", total(relu), { x }, ["x"]],
    ["crossEntropy", (ops, v) => crossEntropy(ops, v.x!, v.targets!), { x, targets }, ["x"]],
    ["meanSquaredError", (ops, v) => meanSquaredError(ops, v.x!, v.other!), { x, other }, ["x", "other"]],
    ["meanAbsoluteError", (ops, v) => meanAbsoluteError(ops, v.x!, v.other!), { x, other }, ["x", "other"]],
  ])("%s", (_, f, values, wrt) => check(f, values, wrt));

  test("crossEntropy of logits of 1000 is finite and right", async () => {
    const big = backend.upload(Float64Array.of(1000, 0, -1000, 0), [2, 2]);
    const hot = backend.upload(Float64Array.of(1, 0, 1, 0), [2, 2]);
    expect((await backend.download(crossEntropy(o, big, hot)))[0]).toBe(500);
  });
});
