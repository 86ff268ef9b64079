/** A small byte-level model with each mechanism learns through `model.fit`. */
import "@tensorflow/tfjs-backend-wasm";
import { mechanisms } from "@attnkit/catalog";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { beforeAll, expect, test } from "vitest";
import { kit } from "./oracle.ts";

const text = "a query asks, every key answers, and the values of the keys that answer loudest are the output. ";
const [L, D, batch, steps] = [12, 24, 10, 50];
const bytes = [...new TextEncoder().encode(text.repeat(2))];
const alphabet = [...new Set(bytes)];
const ids = bytes.map((b) => alphabet.indexOf(b));

/** In nats: what a model loses that knows how often each byte occurs, and nothing else. */
const unigram = alphabet.reduce((sum, byte) => {
  const share = bytes.filter((b) => b === byte).length / bytes.length;
  return sum - share * Math.log(share);
}, 0);

/** Windows of the text and the bytes that follow, one-hot: tfjs-wasm has no gradient for its embedding layer. */
function data() {
  const starts = Array.from({ length: batch * steps }, (_, i) => (i * 37) % text.length);
  const rows = (from: number) => starts.map((start) => ids.slice(start + from, start + from + L));
  const tokens = tf.oneHot(tf.tensor2d(rows(0), undefined, "int32"), alphabet.length);
  const positions = tf.tile(tf.expandDims(tf.eye(L)), [starts.length, 1, 1]);
  return {
    x: tf.concat([tf.cast(tokens, "float32"), positions], 2),
    y: tf.tensor3d(rows(1).flat(), [starts.length, L, 1]),
  };
}

/** Layer norm without parameters: the gradient of tf.layers' own is a loop over every position of a batch. */
class Normalize extends tfl.layers.Layer {
  static readonly className = "Normalize";
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0]! : inputs;
      const { mean, variance } = tf.moments(x, -1, true);
      return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)));
    });
  }
}

/** Embeddings of bytes and positions, two blocks of attention and an MLP, softmax over the alphabet. */
function byteModel(mechanism: string): tfl.LayersModel {
  let seed = 1;
  const kernelInitializer = () => {
    seed += 10;
    return tfl.initializers.glorotUniform({ seed });
  };
  const dense = (units: number, activation?: "relu" | "softmax") =>
    tfl.layers.dense({ units, kernelInitializer: kernelInitializer(), ...(activation && { activation }) });
  const through = (x: tfl.SymbolicTensor, ...parts: Pick<tfl.layers.Layer, "apply">[]) =>
    parts.reduce((y, part) => part.apply(y) as tfl.SymbolicTensor, x);
  const residual = (x: tfl.SymbolicTensor, ...parts: Pick<tfl.layers.Layer, "apply">[]) =>
    tfl.layers.add().apply([x, through(x, new Normalize({}), ...parts)]) as tfl.SymbolicTensor;
  const inputs = tfl.input({ shape: [L, alphabet.length + L] });
  const blocks = [0, 1].map(() => {
    const sizes = { numHeads: 2, keyDim: 8, useCausalMask: true, kernelInitializer: kernelInitializer() };
    return [[new kit.MultiHeadAttention({ mechanism, ...sizes })], [dense(2 * D, "relu"), dense(D)]];
  });
  const x = blocks.flat().reduce((x, parts) => residual(x, ...parts), through(inputs, dense(D)));
  return tfl.model({ inputs, outputs: through(x, new Normalize({}), dense(alphabet.length, "softmax")) });
}

beforeAll(async () => {
  await tf.setBackend("wasm");
});

test.each(mechanisms)("$name", { timeout: 180_000 }, async ({ name }) => {
  const model = byteModel(name);
  model.compile({ optimizer: tf.train.adam(0.01), loss: "sparseCategoricalCrossentropy" });
  const { x, y } = data();
  const losses: number[] = [];
  const onBatchEnd = async (_: number, logs?: { readonly [name: string]: unknown }) =>
    void losses.push(logs!.loss as number);
  const drawn = await Promise.all(model.trainableWeights.map(async (w) => (await w.read().data()).slice()));
  const before = tf.memory().numTensors;
  await model.fit(x, y, {
    batchSize: batch,
    epochs: 1,
    shuffle: false,
    yieldEvery: "never",
    callbacks: { onBatchEnd },
  });
  expect(losses).toHaveLength(steps);
  // Before it has learnt anything the model is worse than one that counts bytes.
  expect(losses[0]).toBeGreaterThan(unigram);
  const last = losses.slice(-5).reduce((a, b) => a + b) / 5;
  expect(last).toBeLessThan((2 / 3) * unigram);
  const after = await Promise.all(model.trainableWeights.map((w) => w.read().data()));
  model.trainableWeights.forEach((w, i) => {
    if (w.name.includes("kernel")) expect(after[i], w.name).not.toEqual(drawn[i]);
  });
  // Two moments of each weight are Adam's; the steps leave nothing else.
  expect(tf.memory().numTensors - before).toBe(2 * model.trainableWeights.length);
});
