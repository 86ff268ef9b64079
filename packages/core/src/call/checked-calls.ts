import { stateName } from "../backend/nested.ts";
import { Remembered } from "../backend/remembered.ts";
import { varyingAxes } from "../backend/varying-axes.ts";
import type { Block } from "../program/block.ts";
import type { Call, How } from "../program/call.ts";
import { checkCall } from "../program/check-call.ts";
import type { Mechanism } from "../program/mechanism.ts";
import type { Shape } from "../program/ops.ts";

/** The number of calls that are remembered as checked, by their shapes. */
const MOST_CALLS = 64;

/** The shape of one tensor of a checked call, and the axis along which a past lengthens; -1 for none. */
interface KnownInput {
  readonly shape: Shape;
  readonly past: number;
}

interface KnownCall {
  readonly call: Call;
  /** True if a mask or bias has an entry for every key. The call then fits this length of the past only. */
  readonly fixed: boolean;
  readonly inputs: Readonly<Record<string, KnownInput>>;
  readonly state: Readonly<Record<string, KnownInput>>;
  /** The number of tensors, those of the state included. */
  readonly count: number;
}

/** Returns the shape of a tensor of a block; `inState` says that `name` is an entry of the state. Throws `ATTN_DATA`. */
type ShapeOf<T> = (x: T, name: string, inState: boolean) => Shape;

/**
 * `checkCall` for a decode, which makes the same call again and again, or with a past one token longer: shapes that were
 * checked are not checked twice. Calls that differ in the length of the past alone have the same object as `dims`.
 */
export function checker<T>(mechanism: Mechanism, how: How, shapeOf: ShapeOf<T>): (block: Block<T>) => Call {
  const calls = new Remembered<string, KnownCall>(MOST_CALLS);
  let last: KnownCall | undefined;
  return (block) => {
    const repeated = last && again(mechanism, last, block, shapeOf);
    if (repeated) return repeated;
    const shapes = shapesOf(block, shapeOf);
    last = calls.get(JSON.stringify(shapes), () => known(mechanism, checkCall(mechanism, how, shapes)));
    return last.call;
  };
}

/** Returns the shapes of a block, without the entries that are undefined. */
function shapesOf<T>(block: Block<T>, shapeOf: ShapeOf<T>): Block<Shape> {
  const shapes: Record<string, Shape | Record<string, Shape>> = {};
  for (const name in block) {
    if (name === "state" || block[name as "q"] === undefined) continue;
    shapes[name] = shapeOf(block[name as "q"], name, false);
  }
  if (block.state !== undefined) {
    // Without a prototype, an entry named __proto__ is an entry like others.
    const state: Record<string, Shape> = Object.create(null);
    for (const name in block.state)
      if (block.state[name] !== undefined) state[name] = shapeOf(block.state[name], name, true);
    if (Object.keys(state).length > 0) shapes.state = state;
  }
  return shapes as unknown as Block<Shape>;
}

function known(mechanism: Mechanism, call: Call): KnownCall {
  const { state = {}, ...own } = call.shapes;
  const given = Object.entries(own).flatMap(([name, shape]) => (shape === undefined ? [] : [[name, shape] as const]));
  const past = Object.entries(state);
  const empty = [...given, ...past].some(([, shape]) => shape.includes(0));
  const { axes } = varyingAxes(mechanism, call, undefined);
  const input = (shape: Shape, name: string, grows: boolean): KnownInput => ({
    shape,
    past: empty || !grows ? -1 : (axes[name]?.indexOf("P") ?? -1),
  });
  return {
    call,
    fixed: [own.mask, own.bias].some((shape) => shape !== undefined && (shape.at(-1) ?? 1) !== 1),
    inputs: Object.fromEntries(given.map(([n, s]) => [n, input(s, n, n !== "mask" && n !== "bias")])),
    state: Object.fromEntries(past.map(([n, s]) => [n, input(s, stateName(n), true)])),
    count: given.length + past.length,
  };
}

/** Returns the call if it is the known one but for the length of the past, and every rule that reads this length still holds. */
function again<T>(
  mechanism: Mechanism,
  { call, fixed, inputs, state: known, count }: KnownCall,
  block: Block<T>,
  shapeOf: ShapeOf<T>,
): Call | undefined {
  let [found, length, same] = [0, 0, true];
  /** Returns the shape of a tensor that may be the known one, or nothing. */
  const read = (before: KnownInput | undefined, x: T, name: string, inState: boolean): Shape | undefined => {
    if (before === undefined) return undefined;
    found++;
    const shape = shapeOf(x, name, inState);
    if (shape.length !== before.shape.length) return undefined;
    for (let i = 0; i < shape.length; i++) {
      const n = shape[i]!;
      if (i === before.past) {
        if (n === 0 || (length !== 0 && n !== length)) return undefined;
        length = n;
      } else if (n !== before.shape[i]) return undefined;
      same &&= n === before.shape[i];
    }
    return shape;
  };
  const shapes: Record<string, Shape | Record<string, Shape>> = {};
  for (const name in block) {
    const x = block[name as "q"];
    if (name === "state" || x === undefined) continue;
    const shape = read(inputs[name], x, name, false);
    if (shape === undefined) return undefined;
    shapes[name] = shape;
  }
  const { state } = block;
  const past: Record<string, Shape> = Object.create(null);
  for (const name in state) {
    const x = state[name];
    if (x === undefined) continue;
    const shape = read(known[name], x, name, true);
    if (shape === undefined) return undefined;
    past[name] = shape;
  }
  if (found !== count) return undefined;
  if (same) return call;
  if (fixed) return undefined;
  const longer: Call = { ...call, shapes: { ...(shapes as unknown as Block<Shape>), state: past } };
  mechanism.check?.(longer);
  return longer;
}
