import type { Backend, Tensors } from "@attnkit/core";
import { type Compiled, elementCount, type Program } from "@attnkit/core/backend";
import { type Optimiser, stepNumbers } from "../adamw.ts";
import {
  type HostTensor,
  initialise,
  namedParameters,
  parameterCount,
  requireUniqueNames,
  split,
  under,
} from "../parameters.ts";
import type { Schedule } from "../schedules.ts";
import type { ModelProgram, Trained } from "./model.ts";
import type { Vectors } from "./stepper.ts";
import { tapeStep } from "./tape-step.ts";
import { wholeStep } from "./whole-step.ts";

/** Named tensors of one step, on the host: inputs, one-hot targets. */
export type Batch = Readonly<Record<string, HostTensor>>;

/** All that a run is, on the host: with the data it decides every later step. */
export interface Snapshot {
  /** Steps done. */
  readonly step: number;
  /** All parameters in order, `[count]`. */
  readonly weights: Float32Array;
  /** First and second moments of the gradient, `[count]` each. Absent: zeros. */
  readonly moments?: readonly [Float32Array, Float32Array];
}

export interface TrainerOptions extends Trained, Optimiser {
  readonly schedule: Schedule;
  /** The seed of the first weights. Give either this or `start`. */
  readonly seed?: number;
  /** The weights, and the number of steps done, to go on from. */
  readonly start?: Snapshot;
}

/** The report of one training step. */
export interface StepReport {
  /** The loss of the batch before the step. */
  readonly loss: number;
  /** Length of the gradient of all parameters, before clipping. */
  readonly gradientNorm: number;
  /** The declared extras. */
  readonly extras: Readonly<Record<string, number>>;
  /** True if the loss or the gradient is NaN or infinite. The weights are of no use from then on. */
  readonly diverged: boolean;
}

export interface Trainer {
  /** The number of values of all parameters. */
  readonly count: number;
  /** Steps done. */
  stepsDone(): number;
  /** Trains one step on one batch. Batches of equal shapes share one recorded graph. */
  step(batch: Batch): Promise<StepReport>;
  /**
   * Runs a program on the weights and on inputs, and returns its outputs on the host. A program is compiled at its first
   * call: pass the same function each time.
   */
  evaluate(program: ModelProgram, inputs: Batch): Promise<Record<string, HostTensor>>;
  /** Downloads the weights by name. */
  weights(): Promise<Record<string, HostTensor>>;
  /** Downloads all that a later `start` needs. */
  snapshot(): Promise<Snapshot>;
  dispose(): void;
}

/**
 * Makes a trainer of one model on one backend with gradients. Backends whose tape follows kernels (tfjs) use
 * `Backend.vjp`; on all others a step is one program, which `@attnkit/onnx` records as one graph.
 *
 * @throws RangeError if neither `seed` nor `start` is given, if a snapshot does not fit, or if two parameters share a name.
 */
export function trainer(backend: Backend<unknown>, options: TrainerOptions): Trainer {
  const { parameters, schedule, seed, start } = options;
  requireUniqueNames(parameters);
  const count = parameterCount(parameters);
  const first = start ?? (seed === undefined ? undefined : { step: 0, weights: initialise(parameters, seed) });
  if (first === undefined) throw new RangeError("trainer: got neither seed nor start; expected one of them.");
  if (!backend.supports.gradients)
    throw new RangeError(`trainer: ${backend.name} has no gradients; expected a backend that supports them.`);
  for (const flat of [first.weights, ...(first.moments ?? [])])
    if (flat.length !== count)
      throw new RangeError(
        `trainer: the model has ${count} parameters; got ${flat.length} numbers in start, expected ${count}.`,
      );
  const stepper = backend.supports.kernelGradients
    ? tapeStep(backend, options, options)
    : wholeStep(backend, options, options);
  const flat = (data: Float32Array | undefined) => backend.upload(data ?? new Float32Array(count), [count]);
  let vectors: Vectors = { w: flat(first.weights), m: flat(first.moments?.[0]), v: flat(first.moments?.[1]) };
  let done = first.step;
  const programs = new WeakMap<ModelProgram, Compiled<unknown>>();

  const free = (x: Tensors<unknown>) => {
    for (const t of Object.values(x)) backend.free(t);
  };
  const uploaded = (batch: Batch): Tensors<unknown> =>
    Object.fromEntries(
      Object.entries(batch).map(([name, { data, shape }]) => {
        if (data.length !== elementCount(shape))
          throw new RangeError(
            `trainer: ${name} has ${data.length} values and the shape [${shape}]; expected ${elementCount(shape)} values.`,
          );
        return [name, backend.upload(data, shape)];
      }),
    );
  const downloaded = async (x: unknown) => Float32Array.from((await backend.download(x)) as Float32Array);
  const compiled = (program: ModelProgram): Compiled<unknown> => {
    const known = programs.get(program);
    if (known) return known;
    const whole: Program = (o, x) => program(o, split(o, parameters, x.w!), under("batch.", x));
    const made = backend.compile(whole);
    programs.set(program, made);
    return made;
  };

  return {
    count,
    stepsDone: () => done,
    async step(batch) {
      const { factor, shrink } = stepNumbers(done, schedule(done), options);
      const given = uploaded(batch);
      const numbers = {
        factor: backend.upload(Float32Array.of(factor), [1]),
        shrink: backend.upload(Float32Array.of(shrink), [1]),
      };
      try {
        const { vectors: next, told } = await stepper.step(vectors, given, numbers);
        free(vectors);
        vectors = next;
        done += 1;
        const entries = Object.entries(told);
        const values = await Promise.all(entries.map(async ([, x]) => (await downloaded(x))[0]!));
        free(told);
        const { loss, square, ...extras } = Object.fromEntries(entries.map(([name], i) => [name, values[i]!]));
        const gradientNorm = Math.sqrt(square!);
        const diverged = !(Number.isFinite(loss) && Number.isFinite(gradientNorm));
        return { loss: loss!, gradientNorm, extras, diverged };
      } finally {
        free(given);
        free(numbers);
      }
    },
    async evaluate(program, inputs) {
      const given = uploaded(inputs);
      try {
        const named = Object.fromEntries(Object.entries(given).map(([name, x]) => [`batch.${name}`, x]));
        const outputs = await compiled(program)({ w: vectors.w, ...named });
        const host = await Promise.all(
          Object.entries(outputs).map(async ([name, x]) => {
            const found: HostTensor = { data: await downloaded(x), shape: [...backend.shape(x)] };
            return [name, found] as const;
          }),
        );
        free(outputs);
        return Object.fromEntries(host);
      } finally {
        free(given);
      }
    },
    weights: async () => namedParameters(parameters, await downloaded(vectors.w)),
    async snapshot() {
      const step = done;
      const [weights, m, v] = (await Promise.all([vectors.w, vectors.m, vectors.v].map(downloaded))) as [
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      return { step, weights, moments: [m, v] };
    },
    dispose() {
      free(vectors);
      stepper.dispose();
    },
  };
}
