import type { Backend, Mechanism, Tensors } from "@attnkit/core";
import type { Program } from "@attnkit/core/backend";
import { adamw, type Schedule } from "./adamw.ts";
import { attendOn } from "./attend.ts";
import { type ModelConfig, parameters, sizeOf } from "./config.ts";
import type { Batch } from "./data.ts";
import { crossEntropy, forward } from "./forward.ts";

/** The report of one training step. */
export interface StepReport {
  /** Mean cross-entropy of the batch before the step, nats per byte. */
  readonly loss: number;
  /** Length of the gradient of all parameters, before clipping. */
  readonly gradientNorm: number;
  /** Frobenius norm of the attention outputs of one token, all layers and heads; root mean square over the batch. */
  readonly attentionNorm: number;
}

/** All that a run is, on the host: with the seed and the text it decides every later step. */
export interface Snapshot {
  readonly step: number;
  readonly weights: Float32Array;
  /** First and second moments of the gradient; a weight file has none. */
  readonly moments?: readonly [Float32Array, Float32Array];
}

export interface Trainer {
  readonly config: ModelConfig;
  /** Steps done. */
  step(): number;
  /** One step on one batch. */
  train(batch: Batch): Promise<StepReport>;
  /** The loss on a batch, without learning from it. */
  evaluate(batch: Batch): Promise<number>;
  snapshot(): Promise<Snapshot>;
  /** The weights by name, on the device; still the trainer's own. */
  weights(): Tensors<unknown>;
  dispose(): void;
}

/** One model in training on one backend, starting from a snapshot. Throws where the weights do not fit the sizes. */
export function trainer(
  backend: Backend<unknown>,
  mechanism: Mechanism,
  config: ModelConfig,
  start: Snapshot,
  schedule: Schedule,
): Trainer {
  const all = parameters(config);
  const count = all.reduce((n, { shape }) => n + sizeOf(shape), 0);
  if (start.weights.length !== count)
    throw new RangeError(`The model has ${count} parameters and the weights are ${start.weights.length} numbers.`);
  const attend = attendOn(mechanism, backend);
  const flat = (data: Float32Array) => backend.upload(data, [count]);
  const zero = () => new Float32Array(count);
  const decayed = flat(Float32Array.from(all.flatMap(({ shape }) => Array(sizeOf(shape)).fill(+(shape.length > 1)))));
  const unit = backend.upload(Float32Array.of(1), [1]);
  const nothing = backend.upload(Float32Array.of(0), [1]);
  let optimiser: Tensors<unknown> = {
    w: flat(start.weights),
    m: flat(start.moments?.[0] ?? zero()),
    v: flat(start.moments?.[1] ?? zero()),
  };
  let weights = uploaded(backend, config, start.weights);
  let done = start.step;
  const free = (x: Tensors<unknown>) => {
    for (const t of Object.values(x)) backend.free(t);
  };

  /** `unit` times the loss plus `nothing` times the squared attention outputs: the gradients of the two are those values. */
  const lossOf =
    ({ inputs, targets }: Batch): Program =>
    (o, x) => {
      const { features, attention } = forward(o, config, attend, x, inputs);
      const squares = attention.map((y) => {
        const row = o.reshape(y, [-1]);
        return o.sum(o.mul(row, row), 0); // [1]
      });
      const outputs = o.mul(
        squares.reduce((a, b) => o.add(a, b)),
        x.nothing!,
      );
      return { loss: o.add(o.mul(crossEntropy(o, x, features, targets), x.unit!), outputs) };
    };

  const update: Program = (o, x) => {
    const gradient = o.concat(
      all.map(({ name, shape }) => o.reshape(x[`d.${name}`]!, [sizeOf(shape)])),
      0,
    );
    const moved = adamw(o, { w: x.w!, m: x.m!, v: x.v!, decayed: x.decayed!, gradient }, done, schedule);
    const told = o.concat([x["d.unit"]!, x["d.nothing"]!, moved.square], 0);
    let at = 0;
    const parts = all.map(({ name, shape }) => {
      const end = at + sizeOf(shape);
      const part = o.reshape(o.slice(moved.w, 0, at, end), shape);
      at = end;
      return [`w.${name}`, part] as const;
    });
    return { w: moved.w, m: moved.m, v: moved.v, told, ...Object.fromEntries(parts) };
  };

  return {
    config,
    step: () => done,
    weights: () => weights,
    async train(batch) {
      const tokens = batch.inputs.length * batch.inputs[0]!.length;
      const names = all.map(({ name }) => name);
      const gradients = await backend.vjp(lossOf(batch), { ...weights, unit, nothing }, { loss: unit }, [
        ...names,
        "unit",
        "nothing",
      ]);
      const given = Object.fromEntries(Object.entries(gradients).map(([name, g]) => [`d.${name}`, g]));
      const out = await backend.compile(update)({ ...optimiser, ...given, decayed });
      const [loss, square, length] = (await backend.download(out.told)) as Float32Array;
      for (const gone of [gradients, optimiser, weights, { told: out.told }]) free(gone);
      optimiser = { w: out.w, m: out.m, v: out.v };
      weights = Object.fromEntries(names.map((name) => [name, out[`w.${name}`]]));
      done += 1;
      return {
        loss: loss!,
        gradientNorm: Math.sqrt(length!),
        attentionNorm: Math.sqrt(square! / tokens),
      };
    },
    async evaluate(batch) {
      const { loss } = await backend.compile(lossOf(batch))({ ...weights, unit, nothing });
      const [value] = (await backend.download(loss)) as Float32Array;
      backend.free(loss);
      return value!;
    },
    async snapshot() {
      const step = done;
      const { w, m, v } = optimiser;
      const [a, b, c] = await Promise.all([w, m, v].map((x) => backend.download(x)));
      const own = (x: unknown) => Float32Array.from(x as Float32Array);
      return { step, weights: own(a), moments: [own(b), own(c)] };
    },
    dispose: () => free({ ...optimiser, ...weights, decayed, unit, nothing }),
  };
}

/** Flat weights as tensors by name. */
export function uploaded(backend: Backend<unknown>, config: ModelConfig, flat: Float32Array): Tensors<unknown> {
  let at = 0;
  return Object.fromEntries(
    parameters(config).map(({ name, shape }) => {
      const end = at + sizeOf(shape);
      const tensor = backend.upload(flat.slice(at, end), shape);
      at = end;
      return [name, tensor];
    }),
  );
}
