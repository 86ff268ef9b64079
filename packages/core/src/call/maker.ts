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

/** Returns the result with its state marked as made by `maker`. The state is a copy: it may be the caller's own. */
export const markMade = <T>(result: Result<T>, maker: string): Result<T> => ({
  ...result,
  state: markState(result.state, maker),
});

export const markState = <T>(state: State<T>, maker: string): State<T> => ({ ...state, [MADE_BY]: maker }) as State<T>;

/** Throws `ATTN_STATE` if the state is marked as made by another. A state that was rebuilt by hand has no mark. */
export function checkMaker<T>(who: string, name: string, state: State<T>, maker: string): void {
  const made = (state as Made)[MADE_BY];
  if (made !== undefined && made !== maker)
    throw new AttentionError("ATTN_STATE", who, `${name} is of another mechanism; got ${made}, expected ${maker}`);
}
