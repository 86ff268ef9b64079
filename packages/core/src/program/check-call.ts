import type { Block } from "./block.ts";
import type { Call, Dims, How } from "./call.ts";
import { AttentionError } from "./errors.ts";
import type { Mechanism, StateEntry } from "./mechanism.ts";
import type { Shape } from "./ops.ts";

type Shapes = Readonly<Record<string, Shape>>;

/** Returns shapes as an error shows them: `q [2, 4], state.k [1, 2, 3, 4]`. */
function shownShapes({ state, ...own }: Block<Shape>): string {
  const shown = (name: string, shape: Shape | undefined) => (shape ? [`${name} [${shape.join(", ")}]`] : []);
  const past = Object.entries(state ?? {}).flatMap(([name, shape]) => shown(`state.${name}`, shape));
  return [...Object.entries(own).flatMap(([name, shape]) => shown(name, shape)), ...past].join(", ");
}

/**
 * The rules that hold for every call, checked at the door. (SEMANTICS S1-S5, S14, S15)
 * Throws `ATTN_SHAPE`, `ATTN_STATE` or `ATTN_UNSUPPORTED`, naming what was got and what was expected.
 */
export function checkCall(mechanism: Mechanism, how: How, shapes: Block<Shape>): Call {
  const fail = (rule: string): never => {
    throw new AttentionError("ATTN_SHAPE", mechanism.name, `${rule}; got ${shownShapes(shapes)}, expected ${EXPECTED}`);
  };
  for (const name of ["q", "k", "v"] as const) if (shapes[name] === undefined) fail(`${name} is missing`);
  const { q, k, v } = shapes;
  if (q.length < 2 || q.length > 4) fail(`q has rank ${q.length}, not 2, 3 or 4`);
  if (k.length !== q.length || v.length !== q.length) fail("q, k and v must have the same rank");
  const dims = dimsOfShapes(shapes);
  const { B, Hq, Hkv, L, S, d } = dims;
  const [kb, vb, vh] = [at(k, 4), at(v, 4), at(v, 3)];
  if (B !== kb || B !== vb) fail(`q has batch ${B}, k ${kb} and v ${vb}`);
  if (Hkv !== vh) fail(`k has ${Hkv} heads and v has ${vh}`);
  if (Hkv === 0 ? Hq !== 0 : Hq % Hkv !== 0) fail(`${Hq} query heads are no multiple of ${Hkv} key/value heads (S2)`);
  if (d !== k.at(-1)) fail(`q has ${d} channels and k has ${k.at(-1)}`);
  if (d === 0) fail("q and k have no channels");
  if (S !== v.at(-2)) fail(`k has ${S} tokens and v has ${v.at(-2)}`);
  for (const name of ["mask", "bias"] as const) {
    if (shapes[name] && mechanism.takes[name] !== true) {
      throw new AttentionError("ATTN_UNSUPPORTED", mechanism.name, `${name}: ${mechanism.takes[name]}`);
    }
  }
  const call = { ...how, mechanism: mechanism.name, options: mechanism.options, dims, shapes };
  mechanism.check?.(call);
  const past = checkPast(mechanism, shapes, dims);
  for (const name of ["mask", "bias"] as const) {
    const s = shapes[name];
    const full = [B, Hq, L, past + S];
    if (s && (s.length > 4 || s.some((n, i) => n !== 1 && n !== full[i + 4 - s.length]))) {
      fail(`${name} does not broadcast to [B, Hq, L, P + S] = [${full.join(", ")}]`);
    }
  }
  const m = shapes.keyMask;
  if (m && !(m.at(-1) === S && (m.length === 2 ? m[0] === B : m.length === 1 && B === 1))) {
    fail(`keyMask must be [B, S] = [${B}, ${S}]`);
  }
  return call;
}

const EXPECTED = "q [B, Hq, L, d], k [B, Hkv, S, d], v [B, Hkv, S, dv], leading axes optional";

/** The size of the axis that is `fromEnd`-th from the end (1 is the last); 1 where it is absent. */
const at = (s: Shape, fromEnd: number): number => (s.length >= fromEnd ? s.at(-fromEnd)! : 1);

/** The sizes of a call from its shapes. */
export function dimsOfShapes({ q, k, v }: Pick<Block<Shape>, "q" | "k" | "v">): Dims {
  return {
    B: at(q, 4),
    Hq: at(q, 3),
    Hkv: at(k, 3),
    L: at(q, 2),
    S: at(k, 2),
    d: at(q, 1),
    dv: at(v, 1),
  };
}

/** The state a call brings must be what this mechanism returns for these sizes. Returns P, the keys it holds one by one. */
function checkPast(mechanism: Mechanism, { state = {} }: Block<Shape>, dims: Dims): number {
  return Object.keys(state).length === 0 ? 0 : matchState(mechanism, state, dims);
}

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
    const show = (s: Shape | undefined) => (s ? `[${s.join(", ")}]` : "nothing");
    const rule = "merge takes two states of the same sizes";
    const got = `got ${n} ${show(x)} and ${show(y)}, expected sizes that differ in the number of tokens alone`;
    throw new AttentionError("ATTN_STATE", mechanism.name, `${rule}; ${got}`);
  }
}

function matchState(mechanism: Mechanism, given: Shapes, dims: Dims, namesOnly = false): number {
  const wanted = mechanism.state(dims, Object.keys(given));
  const list = (s: Readonly<Record<string, StateEntry["shape"]>>) =>
    Object.entries(s)
      .map(([n, x]) => `${n} [${x.join(", ")}]`)
      .join(", ");
  const fail = (rule: string): never => {
    const expected = Object.fromEntries(Object.entries(wanted).map(([n, e]) => [n, e.shape]));
    throw new AttentionError(
      "ATTN_STATE",
      mechanism.name,
      `${rule}; got ${list(given)}, expected ${list(expected)} (P is any number of keys)`,
    );
  };
  for (const n of Object.keys(given)) if (!wanted[n]) fail(`the state has an entry ${n} that is not of this mechanism`);
  let past: number | undefined;
  for (const [n, { shape, optional }] of Object.entries(wanted)) {
    const s = given[n];
    if (s === undefined) {
      if (!optional) fail(`the state has no entry ${n}`);
      continue;
    }
    if (s.length !== shape.length) fail(`state entry ${n} has rank ${s.length}, not ${shape.length}`);
    if (!namesOnly && s.some((size, i) => shape[i] !== "P" && size !== shape[i]))
      fail(`state entry ${n} has the wrong shape`);
    const grows = shape.indexOf("P");
    if (grows < 0) continue;
    past ??= s[grows]!;
    if (past !== s[grows]) fail(`state entry ${n} holds ${s[grows]} tokens and another ${past}`);
  }
  return past ?? 0;
}
