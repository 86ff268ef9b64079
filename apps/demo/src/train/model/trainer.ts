import type { Backend, Mechanism, Tensors } from "@attnkit/core";
import * as kit from "@attnkit/train";
import { attendOn } from "./attend.ts";
import { type ModelConfig, parameters, VOCABULARY } from "./config.ts";
import type { Batch } from "./data.ts";
import { forward, logits, type Tokens } from "./forward.ts";

/** The report of one training step. */
export interface StepReport {
  /** Mean cross-entropy of the batch before the step, nats per byte. */
  readonly loss: number;
  /** Length of the gradient of all parameters, before clipping. */
  readonly gradientNorm: number;
  /** Frobenius norm of the attention outputs of one token, all layers and heads; root mean square over the batch. */
  readonly attentionNorm: number;
}

export interface Trainer {
  readonly config: ModelConfig;
  /** Steps done. */
  step(): number;
  /** One step on one batch. */
  train(batch: Batch): Promise<StepReport>;
  /** The loss on a batch, without learning from it. */
  evaluate(batch: Batch): Promise<number>;
  snapshot(): Promise<kit.Snapshot>;
  dispose(): void;
}

/** Steps over which the learning rate rises, and the constants of AdamW. */
const WARMUP = 20;
const OPTIMISER: kit.Optimiser = { beta1: 0.9, beta2: 0.99, decay: 0.05, clip: 1 };

/**
 * One model in training on one backend, starting from a snapshot, at the learning rate `rate`. Throws where the weights do
 * not fit the sizes.
 */
export function trainer(
  backend: Backend<unknown>,
  mechanism: Mechanism,
  config: ModelConfig,
  start: kit.Snapshot,
  rate: number,
): Trainer {
  const attend = attendOn(mechanism, backend);
  const program: kit.ModelProgram = (o, w, batch) => {
    const hot = (x: typeof batch.tokens) => kit.oneHot(o, x!, VOCABULARY);
    const { features, attention } = forward(o, config, attend, w, kit.project(o, hot(batch.tokens), w.embedding!));
    const squares = attention.map((y) => {
      const row = o.reshape(y, [-1]);
      return o.sum(o.mul(row, row), 0); // [1]
    });
    return {
      loss: kit.crossEntropy(o, logits(o, w, features), hot(batch.targets)),
      attentionSquare: squares.reduce((a, b) => o.add(a, b)),
    };
  };
  const own = kit.trainer(backend, {
    parameters: parameters(config),
    loss: program,
    extras: ["attentionSquare"],
    schedule: kit.constant(rate, { warmup: WARMUP }),
    start,
    ...OPTIMISER,
  });
  return {
    config,
    step: own.stepsDone,
    async train(batch) {
      const { loss, gradientNorm, extras } = await own.step(tensorsOf(batch));
      const tokens = batch.inputs.length * batch.inputs[0]!.length;
      return { loss, gradientNorm, attentionNorm: Math.sqrt(extras.attentionSquare! / tokens) };
    },
    evaluate: async (batch) => (await own.evaluate(program, tensorsOf(batch))).loss!.data[0]!,
    snapshot: own.snapshot,
    dispose: own.dispose,
  };
}

function tensorsOf({ inputs, targets }: Batch): kit.Batch {
  const tensor = (tokens: Tokens): kit.HostTensor => ({
    data: Float32Array.from(tokens.flat()),
    shape: [tokens.length, tokens[0]!.length],
  });
  return { tokens: tensor(inputs), targets: tensor(targets) };
}

/** Flat weights as tensors by name. */
export function uploaded(backend: Backend<unknown>, config: ModelConfig, flat: Float32Array): Tensors<unknown> {
  return Object.fromEntries(
    Object.entries(kit.namedParameters(parameters(config), flat)).map(([name, { data, shape }]) => [
      name,
      backend.upload(data, shape),
    ]),
  );
}
