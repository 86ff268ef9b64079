import { linear } from "@attnkit/linear";
import { attentionLayers } from "@attnkit/tfjs/layers";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";

// The task: at each place, the token that stood there one place before. Without attention it cannot be solved.
const vocabulary = 6;
const length = 8;
const sequences = 32;

const { MultiHeadAttention } = attentionLayers({ tf, layers: tfl.layers, mechanisms: { linear } });
const input = tfl.input({ shape: [length, vocabulary + length] });
const attended = new MultiHeadAttention({
  mechanism: "linear",
  numHeads: 2,
  keyDim: 16,
  useCausalMask: true,
}).apply(input);
const output = tfl.layers.dense({ units: vocabulary, activation: "softmax" }).apply(attended);
const model = tfl.model({ inputs: input, outputs: /** @type {tfl.SymbolicTensor} */ (output) });
model.compile({ optimizer: tf.train.adam(0.03), loss: "categoricalCrossentropy" });

/** Returns token and place of every position as one-hot vectors, and the token before as the target. */
function data() {
  const tokens = Array.from({ length: sequences }, (_, s) =>
    Array.from({ length }, (_, i) => (s * 31 + i * i * 7 + s * i * 3) % vocabulary),
  );
  const oneHot = (/** @type {number} */ at, /** @type {number} */ size) =>
    Array.from({ length: size }, (_, i) => Number(i === at));
  const x = tokens.map((row) => row.map((token, i) => [...oneHot(token, vocabulary), ...oneHot(i, length)]));
  const y = tokens.map((row) => row.map((_, i) => oneHot(row[Math.max(0, i - 1)] ?? 0, vocabulary)));
  return { x: tf.tensor3d(x), y: tf.tensor3d(y) };
}

const { x, y } = data();
const { history } = await model.fit(x, y, { epochs: 10, batchSize: 8, verbose: 0 });
const losses = /** @type {number[]} */ (history.loss ?? []);
losses.forEach((loss, epoch) => {
  console.log(`epoch ${epoch + 1}: loss ${loss.toFixed(4)}`);
});
