import type { Tensors } from "../program/block.ts";
import type { EagerOps } from "../program/ops.ts";
import type { Backend } from "./backend.ts";
import type { JointOperation, Recorder } from "./recorder.ts";

/** A tape of a backend that runs operations at once. It follows kernels, which run on the backend's own tensors. */
export interface EagerTape<T, O extends EagerOps<T> = EagerOps<T>> {
  /** True while `vjp` runs a program. No tensor of the program may be freed meanwhile. */
  readonly recording: boolean;
  /** The backend's operations. They are recorded while `vjp` runs a program, wherever the program has them from. */
  readonly ops: O;
  /** Runs `forward`, whose own operations are not recorded, and records its results. Call it only while `recording`. */
  record(operation: JointOperation<T>, forward: () => Tensors<T>): Tensors<T>;
  /** Says that the backend made `to` as another tensor of the elements of `from`. */
  rename(from: T, to: T): void;
  readonly vjp: Backend<T>["vjp"];
}

/**
 * Makes the tape of a backend. Tensors are objects, and `raw.reshape` returns a new one even for the same shape. The rules of
 * gradients are loaded at the first `vjp`, as by `eagerVjp`. `within` runs a whole `vjp`, to free its intermediate tensors.
 * @example
 * ```ts
 * const tape = eagerTape(raw, () => backend, (run) => run());
 * const backend: Backend<MyTensor> = { ...rest, ops: tape.ops, vjp: tape.vjp };
 * ```
 */
export function eagerTape<T extends object, O extends EagerOps<T> = EagerOps<T>>(
  raw: O,
  backend: () => Pick<Backend<T>, "name" | "shape" | "boolean">,
  within: (run: () => Tensors<T>) => Tensors<T>,
): EagerTape<T, O> {
  type Run = (...given: readonly unknown[]) => unknown;
  let active: Recorder<T> | undefined;
  const during = <R>(recorder: Recorder<T> | undefined, run: () => R): R => {
    const before = active;
    active = recorder;
    try {
      return run();
    } finally {
      active = before;
    }
  };
  const switched = Object.entries(raw).map(([name, op]) => {
    if (typeof op !== "function" || name === "shape" || name === "constant") return [name, op];
    // Gradients are those of the numbers before they are stored.
    if (name === "store") return [name, (x: T) => (active ? x : (op as (x: T) => T)(x))];
    const recorded = () => active?.ops[name as keyof EagerOps<T>] as Run | undefined;
    return [name, (...given: readonly unknown[]) => (recorded() ?? (op as Run))(...given)];
  });
  return {
    get recording() {
      return active !== undefined;
    },
    ops: Object.fromEntries(switched) as unknown as O,
    record(operation, forward) {
      const recorder = active;
      return recorder ? recorder.record(operation, () => during(undefined, forward)) : forward();
    },
    rename: (from, to) => active?.rename(from, to),
    vjp: async (...given) => {
      const [{ checkVjp }, { recordedVjp }] = await Promise.all([import("./check-vjp.ts"), import("./recorder.ts")]);
      checkVjp(backend(), ...given);
      return within(() => recordedVjp(raw, during, ...given));
    },
  };
}
