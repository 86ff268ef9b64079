import type { Block, Result } from "./block.ts";
import type { Ops } from "./ops.ts";
import type { SymbolicShape } from "./sizes.ts";

/** Returns the shape with leading axes of size 1 up to rank 4. */
const rank4 = (shape: SymbolicShape): SymbolicShape => [
  ...Array<number>(Math.max(0, 4 - shape.length)).fill(1),
  ...shape,
];

/** Returns the tensor with leading axes of size 1 up to rank 4; itself where its rank is 4 already. */
export function liftTensor<T>(o: Ops<T>, x: T): T {
  const shape = o.shape(x);
  return shape.length === 4 ? x : o.reshape(x, rank4(shape));
}

/** Returns the block with every tensor of rank 4, and the key mask of rank 2. A state has its full rank already. */
export function liftBlock<T>(o: Ops<T>, { q, k, v, mask, bias, keyMask, state }: Block<T>): Block<T> {
  const optional = (x: T | undefined) => (x === undefined ? undefined : liftTensor(o, x));
  return {
    ...{ q: liftTensor(o, q), k: liftTensor(o, k), v: liftTensor(o, v) },
    ...{ mask: optional(mask), bias: optional(bias), state },
    keyMask:
      keyMask === undefined || o.shape(keyMask).length === 2 ? keyMask : o.reshape(keyMask, [1, ...o.shape(keyMask)]),
  };
}

/** Returns a result of rank 4 with the leading axes that q had: y gets rank `rank`, lse as many axes less as y. */
export function lowerResult<T>(o: Ops<T>, { y, lse, state }: Result<T>, rank: number): Result<T> {
  const lower = (x: T) => (rank === 4 ? x : o.reshape(x, o.shape(x).slice(4 - rank)));
  return { y: lower(y), state, ...(lse !== undefined && { lse: lower(lse) }) };
}
