import type { Axis, Call, VaryingAxes } from "../program/call.ts";
import type { Mechanism } from "../program/mechanism.ts";
import type { Shape } from "../program/ops.ts";
import { stateName } from "./nested.ts";

/** Which sizes of a call of this mechanism may differ, for `Backend.compile`. */
export function varyingAxes(mechanism: Mechanism, call: Call, granularity: number | undefined): VaryingAxes {
  const { dims, shapes } = call;
  // One token is the step of a decode: without a mask, without chunks.
  const length = granularity !== undefined && dims.L === dims.S && dims.L > 1 ? "L" : null;
  const batch = shapes.q.length === 4 ? "B" : null;
  const past = pastAxes(mechanism, call, batch);
  const keys = past.some(([, axes]) => axes.includes("P")) ? "P+L" : length;
  const block: readonly (Axis | null)[] = [batch, null, length, null];
  const pair: readonly (Axis | null)[] = [batch, null, length, keys];
  const axes: Record<string, readonly (Axis | null)[]> = Object.fromEntries(past);
  for (const name of ["q", "k", "v"] as const) axes[name] = fitted(block, shapes[name]);
  // A mask of one row or column serves all, whatever their number.
  for (const name of ["mask", "bias"] as const)
    if (shapes[name]) axes[name] = fitted(pair, shapes[name]).map((a, i) => (shapes[name]?.[i] === 1 ? null : a));
  if (shapes.keyMask) axes.keyMask = fitted([batch, length], shapes.keyMask);
  return { axes, granularity: length === null ? 1 : granularity! };
}

/** The axes of a tensor whose leading axes may be absent. */
const fitted = <A>(axes: readonly A[], shape: Shape): A[] => axes.slice(axes.length - shape.length);

function pastAxes(mechanism: Mechanism, { dims, shapes }: Call, batch: "B" | null): [string, (Axis | null)[]][] {
  const names = Object.keys(shapes.state ?? {});
  if (names.length === 0) return [];
  const other = mechanism.state({ ...dims, B: dims.B + 1 }, names);
  return Object.entries(mechanism.state(dims, names)).flatMap(([name, { shape }]) => {
    if (!names.includes(name)) return [];
    return [[stateName(name), shape.map((n, i) => (n === "P" ? n : n === other[name]!.shape[i] ? null : batch))]];
  });
}
