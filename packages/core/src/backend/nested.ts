import type { Block, Result, Tensors } from "../program/block.ts";

/**
 * A record of tensors in which an entry may be a record again: a block with its state, a result, two states to merge.
 * `Block`, `Result` and `Output` are types and not interfaces, because TypeScript takes no interface for a record.
 */
export type Nested<T> = { readonly [name: string]: T | Nested<T> | undefined };

const STATE = "state.";

/** The name in a flat record of an entry of the state: `state.k`. Recorded graphs name their inputs and outputs so. */
export const stateName = (entry: string): string => STATE + entry;

/** Returns whether a name of a flat record is that of an entry of the state. */
export const isStateName = (name: string): boolean => name.startsWith(STATE);

/** Returns a block as named tensors: `q k v [mask] [bias] [keyMask] [state.<entry>]`. */
export function namesOfBlock<T>({ state, ...block }: Block<T>): Tensors<T> {
  const flat: Record<string, T> = {};
  for (const [name, x] of Object.entries(block)) if (x !== undefined) flat[name] = x;
  for (const entry in state) flat[stateName(entry)] = state[entry]!;
  return flat;
}

/** Returns the block of named tensors; its state is absent where no name is of the state. */
export function blockOfNames<T>(flat: Tensors<T>): Block<T> {
  const state = stateOfNames(flat);
  return {
    ...{ q: flat.q!, k: flat.k!, v: flat.v!, mask: flat.mask, bias: flat.bias, keyMask: flat.keyMask },
    state: Object.keys(state).length > 0 ? state : undefined,
  };
}

/** Returns the entries `state.<entry>` of named tensors, by entry. */
export function stateOfNames<T>(flat: Tensors<T>): Tensors<T> {
  const state: Record<string, T> = {};
  for (const name in flat) if (isStateName(name)) state[name.slice(STATE.length)] = flat[name]!;
  return state;
}

/** Returns a result as named tensors: `y [lse] [state.<entry>]`. */
export function namesOfResult<T>({ y, lse, state }: Result<T>): Tensors<T> {
  const flat: Record<string, T> = lse === undefined ? { y } : { y, lse };
  for (const entry in state) flat[stateName(entry)] = state[entry]!;
  return flat;
}

/** Returns the result of named tensors. */
export const resultOfNames = <T>(flat: Tensors<T>): Result<T> => ({
  y: flat.y!,
  ...(flat.lse !== undefined && { lse: flat.lse }),
  state: stateOfNames(flat),
});
