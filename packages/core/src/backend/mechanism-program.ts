import type { Block, Result } from "../program/block.ts";
import type { How } from "../program/call.ts";
import type { Mechanism } from "../program/mechanism.ts";
import type { Ops } from "../program/ops.ts";
import { liftBlock, lowerResult } from "../program/rank.ts";
import type { Program } from "./backend.ts";
import { blockOfNames, namesOfResult } from "./nested.ts";

/** A mechanism as a function of a block of rank 2, 3 or 4. */
export type ForwardProgram = <T>(o: Ops<T>, block: Block<T>) => Result<T>;

/** Returns the mechanism's program for blocks of rank 2, 3 and 4. The result has `lse` and `state` only where `how` asks for them. */
export const forwardProgram =
  (mechanism: Mechanism, how: How): ForwardProgram =>
  (o, block) => {
    const { y, lse, state } = mechanism.forward(o, liftBlock(o, block), how);
    const asked = { y: o.store?.(y) ?? y, state: how.state === false ? {} : state, ...(how.lse && { lse }) };
    return lowerResult(o, asked, o.shape(block.q).length);
  };

/** Returns `forwardProgram` over named tensors, for graphs and gradients; see `namesOfBlock` for the names. */
export function mechanismProgram(mechanism: Mechanism, how: How): Program {
  const forward = forwardProgram(mechanism, how);
  return (o, x) => namesOfResult(forward(o, blockOfNames(x)));
}
