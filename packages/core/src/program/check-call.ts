import type { Block } from "./block.ts";
import type { Call, Dims, How } from "./call.ts";
import { AttentionError } from "./errors.ts";
import type { Mechanism, StateEntry } from "./mechanism.ts";
import type { Shape } from "./ops.ts";

/** Shapes by the names of their tensors. */
export type Shapes = Readonly<Record<string, Shape>>;

/** Returns shapes as an error shows them: `q [2, 4], k [1, 2, 3, 4]`. */
export const shown = (shapes: Readonly<Record<string, StateEntry["shape"] | undefined>>): string =>
  Object.entries(shapes)
    .flatMap(([name, shape]) => (shape ? [`${name} [${shape.join(", ")}]`] : []))
    .join(", ");

export const wrongState = (mechanism: Mechanism, message: string): AttentionError =>
  new AttentionError("ATTN_STATE", mechanism.name, message);

/** The names of the axes of q, k and v, from the last one. */
const AXES = ["", "channels", "tokens", "heads", "batches"];

/** Tensors that must agree in an axis, counted from the end. */
const EQUAL = [
  ["k", "q", 4],
  ["v", "q", 4],
  ["v", "k", 3],
  ["k", "q", 1],
  ["v", "k", 2],
] as const;

/**
 * The rules that hold for every call, checked at the door. (SEMANTICS S1-S5, S14, S15)
 * Throws `ATTN_SHAPE`, `ATTN_STATE` or `ATTN_UNSUPPORTED`, naming what was got and what was expected.
 */
export function checkCall(mechanism: Mechanism, how: How, shapes: Block<Shape>): Call {
  const fail = (rule: string): never => {
    const { state, ...own } = shapes;
    const past = state ? `, state { ${shown(state)} }` : "";
    throw new AttentionError("ATTN_SHAPE", mechanism.name, `${rule}; got ${shown({ ...own })}${past}, ${EXPECTED}`);
  };
  for (const name of ["q", "k", "v"] as const) {
    if (!shapes[name]) fail(`${name} is missing`);
    const rank = shapes[name].length;
    if (rank < 2 || rank > 4 || rank !== shapes.q.length) fail(`${name} has rank ${rank}`);
  }
  const dims = dimsOfShapes(shapes);
  const { B, Hq, Hkv, L, S } = dims;
  for (const [a, b, axis] of EQUAL) {
    const [m, n] = [at(shapes[a], axis), at(shapes[b], axis)];
    if (m !== n) fail(`${b} has ${n} ${AXES[axis]}, ${a} has ${m}`);
  }
  if (Hkv === 0 ? Hq !== 0 : Hq % Hkv !== 0) fail(`${Hq} query heads are not a multiple of ${Hkv} key heads`);
  if (dims.d === 0) fail("q and k have no channels");
  for (const name of ["mask", "bias"] as const) {
    if (shapes[name] && mechanism.takes[name] !== true) {
      throw new AttentionError("ATTN_UNSUPPORTED", mechanism.name, `${name}: ${mechanism.takes[name]}`);
    }
  }
  const call = { state: true, ...how, mechanism: mechanism.name, options: mechanism.options, dims, shapes };
  mechanism.check?.(call);
  const past = Object.keys(shapes.state ?? {}).length === 0 ? 0 : matchState(mechanism, shapes.state!, dims);
  const full = [B, Hq, L, past + S];
  for (const name of ["mask", "bias"] as const) {
    const s = shapes[name];
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

const EXPECTED = "expected q [B, Hq, L, d], k [B, Hkv, S, d], v [B, Hkv, S, dv], leading axes optional";

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

/** Checks a state against the one that the mechanism returns for these sizes. Returns P, the number of its keys. */
export function matchState(mechanism: Mechanism, given: Shapes, dims: Dims, namesOnly = false): number {
  const wanted = mechanism.state(dims, Object.keys(given));
  const fail = (name: string, rule: string): never => {
    const expected = Object.fromEntries(Object.entries(wanted).map(([n, e]) => [n, e.shape]));
    const both = `got ${shown(given)}, expected ${shown(expected)}`;
    throw wrongState(mechanism, `the state ${rule} ${name}; ${both} (P is any number of keys)`);
  };
  for (const n of Object.keys(given)) if (!wanted[n]) fail(n, "has an unknown entry");
  let past: number | undefined;
  for (const [n, { shape, optional }] of Object.entries(wanted)) {
    const s = given[n];
    if (s === undefined) {
      if (!optional) fail(n, "has no entry");
      continue;
    }
    if (s.length !== shape.length || (!namesOnly && s.some((size, i) => shape[i] !== "P" && size !== shape[i])))
      fail(n, "has the wrong shape in");
    const grows = shape.indexOf("P");
    if (grows < 0) continue;
    past ??= s[grows]!;
    if (past !== s[grows]) fail(n, `has ${past} keys, but not in`);
  }
  return past ?? 0;
}
