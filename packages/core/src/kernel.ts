import type { Tensors } from "./block.ts";
import type { Call } from "./mechanism.ts";

/** A hand-written fast path of one mechanism on one kind of backend. The portable program stays its oracle. */
export interface Kernel<T> {
  readonly name: string;
  /** The `kind` of backend it runs on, e.g. `"tfjs"`. */
  readonly backend: string;
  /** True, or why this call must take the portable program. */
  accepts(call: Call): true | string;
  /** Inputs and outputs are named as in `Program`. */
  run(x: Tensors<T>, call: Call): Tensors<T> | Promise<Tensors<T>>;
}
