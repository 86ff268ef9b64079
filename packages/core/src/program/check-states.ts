import type { Dims } from "./call.ts";
import { matchState, type Shapes, shown, wrongState } from "./check-call.ts";
import type { Mechanism } from "./mechanism.ts";

const ONES: Dims = { B: 1, Hq: 1, Hkv: 1, L: 1, S: 1, d: 1, dv: 1 };

/** A state on its own: sizes are taken from the state itself, only names and ranks are checked. */
export function checkState(mechanism: Mechanism, given: Shapes): void {
  matchState(mechanism, given, ONES, true);
}

/** Two states, as `merge` gets them: each on its own, and the sizes of the second are those of the first but for P. */
export function checkStates(mechanism: Mechanism, a: Shapes, b: Shapes): void {
  for (const state of [a, b]) checkState(mechanism, state);
  const entries = mechanism.state(ONES, Object.keys(a));
  for (const [n, { shape, optional }] of Object.entries(entries)) {
    const [x, y] = [a[n], b[n]];
    const same = x && y ? x.every((size, i) => shape[i] === "P" || size === y[i]) : optional || x === y;
    if (same) continue;
    const got = `got ${shown({ [`a.${n}`]: x, [`b.${n}`]: y })}, expected equal sizes except for the number of keys`;
    throw wrongState(mechanism, `merge takes two states of the same sizes; ${got}`);
  }
}
