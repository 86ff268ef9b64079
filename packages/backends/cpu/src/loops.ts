import type { Shape } from "@attnkit/core";

/**
 * The fewest loops that walk an output and its operands. Axes of size 1 are dropped. Adjacent axes are merged if every
 * operand is contiguous across them. At least two axes remain: operations loop over the last two themselves.
 */
export interface Loops {
  readonly sizes: readonly number[];
  /** The distance in memory between neighbours, by operand and axis. It is 0 where the operand broadcasts. */
  readonly steps: readonly (readonly number[])[];
}

/** Returns the loops of an operation whose operands, of the given shapes, broadcast to `out`. */
export function broadcastLoops(out: Shape, operands: readonly Shape[]): Loops {
  return collapse(
    out,
    operands.map((shape) => {
      const own = strides(shape);
      const skip = out.length - shape.length;
      return out.map((_, i) => (i < skip || shape[i - skip] === 1 ? 0 : own[i - skip]!));
    }),
  );
}

/** Returns the row-major distance between neighbours for each axis. */
export function strides(shape: Shape): number[] {
  const out = new Array<number>(shape.length);
  for (let i = shape.length - 1, step = 1; i >= 0; i--) {
    out[i] = step;
    step *= shape[i]!;
  }
  return out;
}

/** Returns the fewest loops that visit `sizes` in row-major order with the given steps. */
export function collapse(sizes: Shape, steps: readonly (readonly number[])[]): Loops {
  const outSizes: number[] = [];
  const outSteps: number[][] = steps.map(() => []);
  for (let i = sizes.length - 1; i >= 0; i--) {
    const n = sizes[i]!;
    if (n === 1) continue;
    const inner = outSizes[0];
    if (inner !== undefined && steps.every((s, x) => s[i] === outSteps[x]![0]! * inner)) {
      outSizes[0] = inner * n;
    } else {
      outSizes.unshift(n);
      outSteps.forEach((out, x) => {
        out.unshift(steps[x]![i]!);
      });
    }
  }
  while (outSizes.length < 2) {
    outSizes.unshift(1);
    for (const s of outSteps) s.unshift(0);
  }
  return { sizes: outSizes, steps: outSteps };
}

/**
 * Calls `visit` once for every index of all axes except the last two. A plane has `m` rows of `n` elements. It is
 * written from `out` on. Each operand is read from `at[operand]` in steps of `rows[operand]` and `columns[operand]`.
 */
export function forEachPlane(
  { sizes, steps }: Loops,
  visit: (
    out: number,
    m: number,
    n: number,
    at: readonly number[],
    rows: readonly number[],
    columns: readonly number[],
  ) => void,
): void {
  const axes = sizes.length - 2;
  const [m, n] = sizes.slice(axes) as [number, number];
  const rows = steps.map((s) => s[axes]!);
  const columns = steps.map((s) => s[axes + 1]!);
  const index = new Array<number>(axes).fill(0);
  const at = steps.map(() => 0);
  const end = sizes.reduce((a, b) => a * b, 1);
  for (let out = 0; out < end; out += m * n) {
    visit(out, m, n, at, rows, columns);
    for (let a = axes - 1; a >= 0; a--) {
      const size = sizes[a]!;
      const i = index[a]! + 1;
      const back = i === size ? i - 1 : -1; // back to the start of this axis, or one step forward
      for (let x = 0; x < at.length; x++) at[x]! -= back * steps[x]![a]!;
      index[a] = i === size ? 0 : i;
      if (i < size) break;
    }
  }
}
