import type { Block, Result } from "../program/block.ts";
import type { Call } from "../program/call.ts";
import type { Backend } from "./backend.ts";

/** A hand-written fast path of one mechanism on one kind of backend. The portable program stays its oracle. */
export interface Kernel<T> {
  readonly name: string;
  /** It runs on backends that have this `kind`, or that have it among their `hosts`: `"webgpu"`, `"onnx"`. */
  readonly kind: string;
  /** True, or why this call must take the portable program. The answer may depend on what the backend runs on now. */
  accepts(call: Call, backend: Backend<T>): true | string;
  /**
   * The block has the ranks that the caller gave it, and so has the result; `liftBlock` and `lowerResult` change between
   * these and rank 4. Where `call.state` is false, the result's state is `{}`.
   */
  run(block: Block<T>, call: Call, backend: Backend<T>): Result<T> | Promise<Result<T>>;
}
