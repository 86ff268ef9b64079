import type { Tensors } from "@attnkit/core";
import type { Nested, NestedProgram, Program } from "@attnkit/core/backend";
import type { Value } from "./value.ts";

/**
 * The two names of a nested entry, by the flat name that it has in a graph: `state` and `k` for `state.k`. Each record also
 * has a path by its own name, so that one without entries, which has no tensor in the graph, is not lost.
 */
export type Paths = Map<string, readonly [outer: string, inner: string]>;

/** A program of flat names, and where its results belong; filled while it is recorded. */
export interface FlatProgram {
  readonly program: Program;
  readonly paths: Paths;
}

const nameOf = (outer: string, inner: string): string => `${outer}.${inner}`;

/** Returns nested tensors by the names that they have in a graph; entries that are undefined are left out. */
export function flattened<T>(nested: Nested<T>, isTensor: (x: unknown) => boolean): Tensors<T> {
  const flat: Record<string, T> = {};
  for (const outer in nested) {
    const x = nested[outer];
    if (x === undefined) continue;
    if (isTensor(x)) flat[outer] = x as T;
    else
      for (const inner in x as Nested<T>) {
        const t = (x as Nested<T>)[inner];
        if (t !== undefined) flat[nameOf(outer, inner)] = t as T;
      }
  }
  return flat;
}

/** Returns the paths of the entries that are nested. */
export function pathsOf<T>(nested: Nested<T>, isTensor: (x: unknown) => boolean): Paths {
  const paths: Paths = new Map();
  for (const [outer, x] of Object.entries(nested)) {
    if (x === undefined || isTensor(x)) continue;
    paths.set(outer, [outer, ""]);
    for (const inner in x as Nested<T>) paths.set(nameOf(outer, inner), [outer, inner]);
  }
  return paths;
}

/** Returns named tensors as the nested record that their paths say; names without a path stay as they are. */
export function nestedBy<T>(paths: Paths, flat: Tensors<T>): Nested<T> {
  const nested: Record<string, T | Record<string, T>> = {};
  for (const [record] of paths.values()) nested[record] = {};
  for (const name in flat) {
    const [outer, inner] = paths.get(name) ?? [name];
    if (inner === undefined) nested[outer] = flat[name]!;
    else (nested[outer] as Record<string, T>)[inner] = flat[name]!;
  }
  return nested;
}

const isValue = (x: unknown): boolean => typeof (x as Value | undefined)?.op === "string";

/** Returns a program of nested records as one of flat names, which are those of its inputs and outputs in a graph. */
export function flatProgram(program: NestedProgram, inputs: Paths): FlatProgram {
  const paths: Paths = new Map();
  return {
    paths,
    program: (o, x) => {
      const outputs = program(o, nestedBy(inputs, x));
      // Recorders are the only ones that come here: what is not one of their values is a record.
      for (const [name, path] of pathsOf(outputs, isValue)) paths.set(name, path);
      return flattened(outputs, isValue);
    },
  };
}
