import type { Result, State } from "../program/block.ts";
import { AttentionError } from "../program/errors.ts";
import type { Mechanism } from "../program/mechanism.ts";

/**
 * The property of a state that names its maker. The symbol is the same in every copy of core. It is enumerable, so that
 * `{ ...state }` keeps it; `Object.keys`, `for ... in`, JSON and structured clones leave it out.
 */
const MADE_BY: unique symbol = Symbol.for("attnkit.madeBy") as never;

interface Made {
  readonly [MADE_BY]?: string;
}

/** Returns the text that names the maker of a state: the mechanism and the options that its state depends on. */
export const makerOf = ({ name, options, stateOptions = options }: Mechanism): string =>
  `${name} ${JSON.stringify(stateOptions)}`;

/** Returns a state marked as made by `maker`: itself, or a copy where it is the caller's own, `given`, or frozen. */
export function markState<T>(state: State<T>, maker: string, given?: State<T>): State<T> {
  // A copy of every state would cost a decode step on small sizes more than 5 %.
  const own = state === given || !Object.isExtensible(state) ? { ...state } : state;
  (own as { [MADE_BY]?: string })[MADE_BY] = maker;
  return own;
}

/** Returns the result with its state marked as made by `maker`; `given` is the state of the block. */
export function markMade<T>(result: Result<T>, maker: string, given?: State<T>): Result<T> {
  const state = markState(result.state, maker, given);
  return state === result.state ? result : { ...result, state };
}

/** Throws `ATTN_STATE` if the state is marked as made by another. A state that was rebuilt by hand has no mark. */
export function checkMaker<T>(who: string, name: string, state: State<T>, maker: string): void {
  const made = (state as Made)[MADE_BY];
  if (made !== undefined && made !== maker)
    throw new AttentionError("ATTN_STATE", who, `${name} is of another mechanism; got ${made}, expected ${maker}`);
}
