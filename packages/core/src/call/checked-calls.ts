import { varyingAxes } from "../backend/varying-axes.ts";
import type { Tensors } from "../program/block.ts";
import type { Call, How } from "../program/call.ts";
import { checkCall } from "../program/check-call.ts";
import type { Mechanism } from "../program/mechanism.ts";
import type { Shape } from "../program/ops.ts";

/** Shapes of calls remembered as checked. */
const MOST_CALLS = 64;

/** A checked call, and by input its shape and the axis along which a past lengthens, -1 for none. */
interface Known {
  readonly call: Call;
  /** True if a mask or bias has an entry for every key. The call then fits this length of the past only. */
  readonly fixed: boolean;
  readonly inputs: Readonly<Record<string, { readonly shape: Shape; readonly past: number }>>;
  readonly count: number;
}

/**
 * `checkCall` for a decode, which makes the same call again and again, or with a past one token longer: shapes that were
 * checked are not checked twice. Calls that differ in the length of the past alone have the same object as `dims`.
 */
export function checker<T>(
  mechanism: Mechanism,
  how: How,
  shape: (x: T, name: string) => Shape,
): (x: Tensors<T>) => Call {
  const calls = new Map<string, Known>();
  let last: Known | undefined;
  return (x) => {
    const repeated = last && again(mechanism, last, x, shape);
    if (repeated) return repeated;
    let key = "";
    for (const name in x) key += `${name} ${shape(x[name]!, name).join()};`;
    last = calls.get(key);
    if (last) return last.call;
    const shapes = Object.fromEntries(Object.entries(x).map(([name, t]) => [name, shape(t, name)]));
    last = known(mechanism, checkCall(mechanism, how, shapes));
    if (calls.size === MOST_CALLS) calls.clear();
    calls.set(key, last);
    return last.call;
  };
}

function known(mechanism: Mechanism, call: Call): Known {
  const empty = Object.values(call.shapes).some((s) => s.includes(0));
  const { axes } = varyingAxes(mechanism, call, undefined);
  const inputs = Object.entries(call.shapes).map(([name, shape]) => {
    const past = empty || name === "mask" || name === "bias" ? -1 : (axes[name]?.indexOf("P") ?? -1);
    return [name, { shape, past }] as const;
  });
  const fixed = [call.shapes.mask, call.shapes.bias].some((s) => s !== undefined && (s.at(-1) ?? 1) !== 1);
  return { call, fixed, inputs: Object.fromEntries(inputs), count: inputs.length };
}

/** The call, if it is the known one but for the length of the past, and every rule that reads this length still holds. */
function again<T>(
  mechanism: Mechanism,
  { call, fixed, inputs, count }: Known,
  x: Tensors<T>,
  shapeOf: (x: T, name: string) => Shape,
): Call | undefined {
  let [found, length, same] = [0, 0, true];
  const shapes: Record<string, Shape> = {};
  for (const name in x) {
    const before = inputs[name];
    if (before === undefined) return undefined;
    found++;
    const shape = shapeOf(x[name]!, name);
    shapes[name] = shape;
    if (shape.length !== before.shape.length) return undefined;
    for (let i = 0; i < shape.length; i++) {
      const n = shape[i]!;
      if (i === before.past) {
        if (n === 0 || (length !== 0 && n !== length)) return undefined;
        length = n;
      } else if (n !== before.shape[i]) return undefined;
      same &&= n === before.shape[i];
    }
  }
  if (found !== count) return undefined;
  if (same) return call;
  if (fixed) return undefined;
  const longer = { ...call, shapes };
  mechanism.check?.(longer);
  return longer;
}
