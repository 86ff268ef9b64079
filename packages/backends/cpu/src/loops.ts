import type { Loops } from "@attnkit/core/backend";

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
