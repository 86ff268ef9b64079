import { attention, type Backend, type Block, type Mechanism, type Result } from "@attnkit/core";
import type { Ops } from "@attnkit/core/program";
import type { Attend } from "./attention.ts";

/**
 * `attention(mechanism, backend).sync`, kernels included, where the backend's own operations keep the tape (tfjs); the
 * portable program where core's tape must see every operation.
 */
export function attendOn(mechanism: Mechanism, backend: Backend<unknown>): Attend {
  const attend = attention(mechanism, backend, { causal: true });
  return <T>(o: Ops<T>, block: Block<T>): Result<T> =>
    backend.kind === "tfjs"
      ? (attend.sync(block) as Result<T>)
      : mechanism.forward(o, block, { causal: true, lse: false });
}
