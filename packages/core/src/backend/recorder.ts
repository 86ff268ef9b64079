import type { Tensors } from "../program/block.ts";
import type { EagerOps, Ops } from "../program/ops.ts";
import { OWN_GRADIENT, type RecordsGradient } from "../program/with-gradient.ts";
import { zerosLike } from "./gradient-rules.ts";
import { pullBack, receive, type Tape, type Traced, takeGradient, traced } from "./vjp.ts";

/** Several tensors from several, as one operation with a gradient of its own. */
export interface JointOperation<T> {
  readonly inputs: Tensors<T>;
  /**
   * Returns the gradients of the inputs `wrt` from those of all outputs, `seeds`. `ops` are all operations of the library.
   */
  backward(
    ops: EagerOps<T>,
    inputs: Tensors<T>,
    seeds: Tensors<T>,
    wrt: readonly string[],
    outputs: Tensors<T>,
  ): Tensors<T>;
}

/** Records operations on a backend's own tensors, which it knows by their identity. */
export interface Recorder<T> {
  readonly ops: RecordsGradient<T>;
  record(operation: JointOperation<T>, forward: () => Tensors<T>): Tensors<T>;
  /** Says that `to` is another tensor of the same elements. */
  rename(from: T, to: T): void;
}

/**
 * Computes `vjp` of a program that is given the backend's own tensors, so that it may run kernels on them. `during` runs
 * the program while the recorder is active.
 */
export function recordedVjp<T extends object>(
  o: EagerOps<T>,
  during: (recorder: Recorder<T>, run: () => Tensors<T>) => Tensors<T>,
  program: (o: Ops<T>, x: Tensors<T>) => Tensors<T>,
  x: Tensors<T>,
  seeds: Tensors<T>,
  wrt: readonly string[],
): Tensors<T> {
  const tape: Tape = [];
  const known = new Map<T, Traced<T>>();
  const tracedOf = (value: T): Traced<T> => known.get(value) ?? { value, steps: undefined };
  const inputs = Object.fromEntries(
    Object.entries(x).map(([name, given]): [string, Traced<T>] => {
      // One tensor may be given under two names: each name has a gradient of its own.
      const value = o.reshape(given, o.shape(given));
      const input: Traced<T> = { value, steps: wrt.includes(name) ? [] : undefined };
      known.set(value, input);
      return [name, input];
    }),
  );
  const recorder: Recorder<T> = {
    ops: onOwnTensors(traced(o, tape), o, known, tracedOf),
    rename(from, to) {
      const own = known.get(from);
      if (own !== undefined) known.set(to, own);
    },
    record(operation, forward) {
      const values = forward();
      const operands = Object.entries(operation.inputs).map(([name, t]) => [name, tracedOf(t)] as const);
      const followed = operands.filter(([, t]) => t.steps !== undefined);
      if (followed.length === 0) return values;
      const outputs = Object.entries(values).map(([name, value]) => [name, { value, steps: [] } as Traced<T>] as const);
      for (const [, out] of outputs) known.set(out.value, out);
      tape.push(() => {
        const found = outputs.map(([name, out]) => [name, out, takeGradient(o, out)] as const);
        if (found.every(([, , gradient]) => gradient === undefined)) return;
        const given = Object.fromEntries(found.map(([name, { value }, g]) => [name, g ?? zerosLike(o, value)]));
        const names = followed.map(([name]) => name);
        const gradients = operation.backward(o, operation.inputs, given, names, values);
        for (const [name, to] of followed) receive(o, to, gradients[name]!);
      });
      return values;
    },
  };
  const values = Object.fromEntries(Object.entries(inputs).map(([name, { value }]) => [name, value]));
  const made = during(recorder, () => program(recorder.ops, values));
  const outputs = Object.fromEntries(Object.entries(made).map(([name, value]) => [name, tracedOf(value)]));
  return pullBack(o, tape, inputs, outputs, seeds, wrt);
}

/** Returns traced operations as operations on the backend's own tensors. */
function onOwnTensors<T extends object>(
  inner: RecordsGradient<Traced<T>>,
  o: EagerOps<T>,
  known: Map<T, Traced<T>>,
  tracedOf: (x: T) => Traced<T>,
): RecordsGradient<T> {
  const kept = (y: Traced<T>): T => {
    known.set(y.value, y);
    return y.value;
  };
  /** Tensors are the objects among the arguments, and the entries of a list of objects. */
  const lifted = (x: unknown): unknown => {
    if (Array.isArray(x)) return x.every((entry) => typeof entry === "object") ? x.map(lifted) : x;
    return typeof x === "object" && x !== null ? tracedOf(x as T) : x;
  };
  const ops = Object.entries(inner).flatMap(([name, op]) =>
    typeof op === "function"
      ? [[name, (...given: unknown[]) => kept((op as (...x: unknown[]) => Traced<T>)(...given.map(lifted)))] as const]
      : [],
  );
  return {
    ...(Object.fromEntries(ops) as unknown as EagerOps<T>),
    [OWN_GRADIENT]: (xs, rule) => kept(inner[OWN_GRADIENT](xs.map(tracedOf), rule)),
    dtype: o.dtype,
    shape: o.shape,
    constant: o.constant,
  };
}
