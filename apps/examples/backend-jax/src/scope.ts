import type { Nested } from "@attnkit/core/backend";
import { Array as JaxArray } from "@jax-js/jax";

/**
 * Frees the arrays that a program makes on its way. jax-js counts references: an operation takes one of each argument,
 * `ref` adds one, and `dispose` takes one away.
 */
export class Scope {
  #made: JaxArray[] | undefined;

  /** Remembers a new array until the end of `run`. */
  keep(x: JaxArray): JaxArray {
    this.#made?.push(x);
    return x;
  }

  /** Runs `program`, and frees every array that it makes except those in its result, which belong to the caller. */
  run<R extends Nested<JaxArray>>(program: () => R): R {
    const outer = this.#made;
    const made: JaxArray[] = [];
    this.#made = made;
    try {
      const result = program();
      refer(result);
      return result;
    } finally {
      this.#made = outer;
      for (const x of made) x.dispose();
    }
  }
}

/** Adds a reference for each time that an array stands in `result`: an output may be an input, or stand there twice. */
function refer(result: Nested<JaxArray>): void {
  for (const x of Object.values(result)) {
    if (x instanceof JaxArray) x.ref;
    else if (x) refer(x);
  }
}
