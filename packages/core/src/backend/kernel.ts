import type { Tensors } from "../program/block.ts";
import type { Call } from "../program/call.ts";
import type { Backend } from "./backend.ts";

/** A hand-written fast path of one mechanism on one kind of backend. The portable program stays its oracle. */
export interface Kernel<T> {
  readonly name: string;
  /** The `kind` of backend it runs on, e.g. `"tfjs"`. */
  readonly backend: string;
  /** True, or why this call must take the portable program. The answer may depend on what the backend runs on now. */
  accepts(call: Call, backend: Backend<T>): true | string;
  /** Inputs and outputs are named and shaped as in `Program`, leading axes absent where the caller left them out. */
  run(x: Tensors<T>, call: Call, backend: Backend<T>): Tensors<T> | Promise<Tensors<T>>;
}
