import { linear } from "@attnkit/linear";
import { softmax } from "@attnkit/softmax";
import { attentionLayers } from "@attnkit/tfjs/layers";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { examples, KINDS, LENGTH, randomFrom } from "./task.js";

/** The mechanisms that this example compares, by name. */
export const mechanisms = { softmax, linear };

const { MultiHeadAttention } = attentionLayers({ tf, layers: tfl.layers, mechanisms });

/**
 * A model of one attention layer between two dense ones: one-hot tokens in, probabilities of kinds out.
 * @param {keyof typeof mechanisms} mechanism
 */
function createModel(mechanism) {
  const kernelInitializer = (/** @type {number} */ seed) => tfl.initializers.glorotUniform({ seed });
  const input = tfl.input({ shape: [LENGTH, KINDS + LENGTH] });
  const embed = tfl.layers.dense({ units: 16, kernelInitializer: kernelInitializer(1) });
  const attend = new MultiHeadAttention({
    mechanism,
    numHeads: 2,
    keyDim: 8,
    kernelInitializer: kernelInitializer(2),
  });
  const predict = tfl.layers.dense({ units: KINDS, activation: "softmax", kernelInitializer: kernelInitializer(3) });
  const attended = /** @type {tfl.SymbolicTensor} */ (
    attend.apply(/** @type {tfl.SymbolicTensor} */ (embed.apply(input)))
  );
  const model = tfl.model({ inputs: input, outputs: /** @type {tfl.SymbolicTensor} */ (predict.apply(attended)) });
  model.compile({ optimizer: tf.train.adam(0.02), loss: "sparseCategoricalCrossentropy" });
  return model;
}

/**
 * Trains a model, and tests it on sequences that it has not seen.
 * @param {keyof typeof mechanisms} mechanism
 * @param {{ epochs?: number, onLoss?: (epoch: number, loss: number) => void }} [how] default 6 epochs of 256 sequences
 * @returns {Promise<{ losses: number[], accuracy: number }>} the mean loss of every epoch; the share of right tokens
 */
export async function train(mechanism, { epochs = 6, onLoss } = {}) {
  await tf.setBackend("wasm");
  const model = createModel(mechanism);
  const { x, y } = tensors(256, 1);
  /** @type {number[]} */
  const losses = [];
  await model.fit(x, y, {
    epochs,
    batchSize: 16,
    shuffle: false,
    verbose: 0,
    callbacks: {
      onEpochEnd: async (epoch, logs) => {
        const loss = Number(logs?.loss);
        losses.push(loss);
        onLoss?.(epoch + 1, loss);
      },
    },
  });
  const unseen = tensors(128, 2);
  const output = /** @type {tf.Tensor} */ (model.predict(unseen.x));
  const kinds = await tf.argMax(output, -1).data();
  const right = await unseen.y.data();
  const accuracy = Array.from(kinds).filter((kind, i) => kind === right[i]).length / kinds.length;
  tf.dispose([x, y, unseen.x, unseen.y, output]);
  model.dispose();
  return { losses, accuracy };
}

/**
 * Examples as tensors.
 * @param {number} count
 * @param {number} seed
 */
function tensors(count, seed) {
  const { x, y } = examples(count, randomFrom(seed));
  return { x: tf.tensor3d(x, [count, LENGTH, KINDS + LENGTH]), y: tf.tensor3d(y, [count, LENGTH, 1]) };
}
