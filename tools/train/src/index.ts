/** Trains small models over the operations of any backend with gradients. */
export { adamw, type Moved, type Optimiser, type StepNumbers, stepNumbers } from "./adamw.ts";
export {
  frobeniusNorm,
  gelu,
  meanOf,
  meanVarianceNorm,
  oneHot,
  powerOf,
  project,
  relu,
  rootMeanSquareNorm,
} from "./functions.ts";
export { type AttentionOptions, attentionLayer, attentionWeights } from "./layers/attention.ts";
export { type BlockOptions, transformerBlock } from "./layers/block.ts";
export { type DenseOptions, dense, type MlpOptions, mlp } from "./layers/dense.ts";
export { type EmbeddingOptions, embedding, learnedPositions, sinusoidalPositions } from "./layers/embedding.ts";
export { type Attended, type Layer, type Observer, parametersOf, sequence } from "./layers/layer.ts";
export { layerNorm, rmsNorm } from "./layers/norm.ts";
export { accuracy, crossEntropy, meanAbsoluteError, meanSquaredError } from "./loss.ts";
export { type DataOrder, dataOrder, gatherRows, generatorAt, oneHotRows, shuffled } from "./order.ts";
export {
  type HostTensor,
  type Init,
  initialise,
  namedParameters,
  type Parameter,
  parameterCount,
  placed,
  split,
  under,
} from "./parameters.ts";
export { constant, cosine, oneCycle, type Schedule } from "./schedules.ts";
export type { ModelProgram, Trained } from "./trainer/model.ts";
export {
  type Batch,
  type Snapshot,
  type StepReport,
  type Trainer,
  type TrainerOptions,
  trainer,
} from "./trainer/trainer.ts";
