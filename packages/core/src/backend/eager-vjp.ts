import type { Ops } from "../program/ops.ts";
import type { Backend } from "./backend.ts";

/**
 * Returns the `vjp` of a backend that runs operations at once. It loads the gradient rules at its first call, with
 * `import()`. Bundlers that split code therefore keep the rules out of a page that only infers.
 * @example
 * ```ts
 * return { ...rest, compile: eager(ops), vjp: eagerVjp(ops) };
 * ```
 */
export const eagerVjp =
  <T>(o: Ops<T>): Backend<T>["vjp"] =>
  async (...given) =>
    (await import("./vjp.ts")).vjp(o, ...given);
