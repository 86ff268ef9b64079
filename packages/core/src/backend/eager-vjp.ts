import type { Tensors } from "../program/block.ts";
import type { Ops } from "../program/ops.ts";
import type { Backend } from "./backend.ts";

/**
 * Returns the `vjp` of a backend that runs operations at once. It loads the gradient rules, and the checks of its
 * arguments, at its first call, with `import()`. Bundlers that split code therefore keep them out of a page that only infers.
 * `backend` returns the backend whose tensors are checked. `within` runs the operations, for a backend that frees
 * intermediate tensors afterwards; default: it calls `run`.
 * @example
 * ```ts
 * const backend: Backend<MyTensor> = { ...rest, compile: eager(ops), vjp: eagerVjp(ops, () => backend) };
 * ```
 */
export const eagerVjp =
  <T>(
    o: Ops<T>,
    backend: () => Pick<Backend<T>, "name" | "shape" | "boolean">,
    within: (run: () => Tensors<T>) => Tensors<T> = (run) => run(),
  ): Backend<T>["vjp"] =>
  async (...given) => {
    const [{ checkVjp }, { vjp }] = await Promise.all([import("./check-vjp.ts"), import("./vjp.ts")]);
    checkVjp(backend(), ...given);
    return within(() => vjp(o, ...given));
  };
