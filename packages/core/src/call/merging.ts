import type { Backend, NestedProgram } from "../backend/backend.ts";
import { describeValue } from "../backend/describe.ts";
import { shapeOfEntry } from "../backend/given.ts";
import type { State } from "../program/block.ts";
import { checkStates } from "../program/check-states.ts";
import { AttentionError } from "../program/errors.ts";
import type { Mechanism } from "../program/mechanism.ts";
import { mergeOutputs, type Output } from "../program/merge-outputs.ts";
import type { Ops } from "../program/ops.ts";
import { checkGivenState, checkType } from "./given.ts";
import { checkMaker, markState } from "./maker.ts";

/** The parts of an attention by which it merges. */
export interface Merging<T> {
  readonly who: string;
  readonly mechanism: Mechanism;
  readonly backend: Backend<T>;
  /** The mark of the states that this attention makes. */
  readonly maker: string;
  /** Compiles a program once per key. */
  compile<X, Y>(key: string, program: NestedProgram & ((o: Ops<T>, x: X) => Y)): (x: X) => Promise<Y>;
}

/** Checks and merges two states; see `Attention.merge`. */
export async function mergeTwoStates<T>(by: Merging<T>, a: State<T>, b: State<T>): Promise<State<T>> {
  const { who, mechanism, backend, maker, compile } = by;
  const shapesOf = (state: State<T>, name: string) => {
    checkGivenState(who, name, state);
    checkMaker(who, name, state, maker);
    return Object.fromEntries(Object.entries(state).map(([n, t]) => [n, shapeOfEntry(who, backend, t, n, `${name}.`)]));
  };
  checkStates(mechanism, shapesOf(a, "a"), shapesOf(b, "b"));
  const merged = <U>(o: Ops<U>, x: { a: State<U>; b: State<U> }) => mechanism.merge(o, x.a, x.b);
  return markState(await compile<{ a: State<T>; b: State<T> }, State<T>>("merge", merged)({ a, b }), maker);
}

/** Checks and merges two outputs; see `Attention.mergeOutputs`. */
export function mergeTwoOutputs<T>(by: Merging<T>, a: Output<T>, b: Output<T>): Promise<Required<Output<T>>> {
  const { who, mechanism, backend, compile } = by;
  if (mechanism.takes.lse !== true)
    throw new AttentionError("ATTN_UNSUPPORTED", who, `mergeOutputs: ${mechanism.takes.lse}`);
  checkOutputs(who, backend, a, b);
  const merge = mechanism.mergeOutputs?.bind(mechanism) ?? mergeOutputs;
  const joined = <U>(o: Ops<U>, x: { a: Output<U>; b: Output<U> }) => {
    const { y, lse } = merge(o, x.a, x.b);
    return { y: o.store?.(y) ?? y, lse };
  };
  const [x, y] = [a, b].map(({ y, lse }) => ({ y, lse })) as [Output<T>, Output<T>];
  return compile<{ a: Output<T>; b: Output<T> }, Required<Output<T>>>("mergeOutputs", joined)({ a: x, b: y });
}

/**
 * Checks the outputs that `mergeOutputs` gets. Throws `ATTN_DATA` where one has no y or lse, `ATTN_OPTION` on
 * an unknown entry, `ATTN_SHAPE` where the two are not of the same queries.
 */
function checkOutputs<T>(who: string, backend: Backend<T>, a: Output<T>, b: Output<T>): void {
  const read = (name: string, x: Output<T>) => {
    const given = (x ?? {}) as Partial<Output<T>>;
    for (const n of Object.keys(given))
      if (!["y", "lse", "state"].includes(n))
        throw new AttentionError("ATTN_OPTION", who, `an output has no entry ${n}; got ${name}.${n}, expected y, lse`);
    if (given.y === undefined || given.lse === undefined) {
      const rule = `mergeOutputs needs y and lse of both outputs; got ${name} = ${describeValue(x)}, expected { y, lse }`;
      throw new AttentionError("ATTN_DATA", who, `${rule}. attention(..., { lse: true }) gives lse`);
    }
    const [y, lse] = [
      shapeOfEntry(who, backend, given.y, "y", `${name}.`),
      shapeOfEntry(who, backend, given.lse, "lse", `${name}.`),
    ].map(String) as [string, string];
    if (backend.boolean)
      for (const n of ["y", "lse"] as const) checkType(who, backend, given[n]!, `${name}.${n}`, false);
    return [y, lse] as const;
  };
  const [[ya, lseA], [yb, lseB]] = [read("a", a), read("b", b)];
  if (ya !== yb || lseA !== lseB || (lseA !== ya && lseA !== ya.slice(0, ya.lastIndexOf(",")))) {
    const got = `a.y [${ya}], a.lse [${lseA}], b.y [${yb}], b.lse [${lseB}]`;
    throw new AttentionError(
      "ATTN_SHAPE",
      who,
      `mergeOutputs takes outputs of the same queries; got ${got}, expected equal shapes, lse with the axes of y but the last, or with all`,
    );
  }
}
