/** The hook of the attention layer, and the weights behind an output. */
import { mechanisms as catalog } from "@attnkit/catalog";
import { cpu } from "@attnkit/cpu";
import { normals } from "@attnkit/measure/random";
import { type Attended, attentionWeights, frobeniusNorm, initialise, namedParameters } from "@attnkit/train";
import { describe, expect, test } from "vitest";
import { byteBatch, byteModel, mechanisms, tiny, transformer } from "./tiny.ts";

const backend = cpu();
const o = backend.ops!;
type Tensor = Parameters<typeof o.exp>[0];

describe.each(catalog.filter(({ name }) => name !== "elementwise").map((e) => [e.name, e.create()] as const))(
  "%s",
  (_, mechanism) => {
    test.each([true, false])("weights times values are the output, causal: %s", async (causal) => {
      const normal = normals(3);
      const up = () => backend.upload(Float32Array.from({ length: 2 * 3 * 7 * 4 }, normal), [2, 3, 7, 4]);
      const block = { q: up(), k: up(), v: up() };
      const weights = attentionWeights(o, mechanism, block, { causal });
      expect(backend.shape(weights)).toEqual([2, 3, 7, 7]);
      const product = await backend.download(o.matmul(weights, block.v));
      const { y } = mechanism.forward(o, block, { causal, lse: false, state: false });
      for (const [i, x] of (await backend.download(y)).entries()) expect(product[i]).toBeCloseTo(x, 4);
    });
  },
);

test("every attention call of a model reports its tensors; rows of softmax weights sum to 1", async () => {
  const { body } = transformer(mechanisms.softmax!);
  const { parameters } = byteModel(mechanisms.softmax!);
  const named = Object.entries(namedParameters(parameters, initialise(parameters, 2)));
  const w = Object.fromEntries(named.map(([n, { data, shape }]) => [n, backend.upload(data, shape)]));
  const { data, shape } = byteBatch().tokens!;
  const calls: [string, Attended<Tensor>][] = [];
  body.apply(o, w, backend.upload(data, shape), (...call) => calls.push(call));
  expect(calls.map(([name]) => name)).toEqual(["blocks.0.attention", "blocks.1.attention"]);
  for (const [, call] of calls) {
    expect(backend.shape(call.y)).toEqual([tiny.batch, tiny.heads, tiny.tokens, tiny.width / tiny.heads]);
    const weights = attentionWeights(o, mechanisms.softmax!, call, { causal: true });
    for (const sum of await backend.download(o.sum(weights, -1))) expect(sum).toBeCloseTo(1, 5);
    const norm = (await backend.download(frobeniusNorm(o, weights)))[0]!;
    expect(norm).toBeCloseTo(Math.hypot(...(await backend.download(weights))), 4);
  }
});
