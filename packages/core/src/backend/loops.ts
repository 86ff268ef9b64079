import type { Shape } from "../program/ops.ts";

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
