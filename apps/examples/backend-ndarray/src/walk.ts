import type { Shape } from "@attnkit/core";
import { collapse } from "@attnkit/core/backend";
import type { Tensor } from "./tensor.ts";

/**
 * Visits the elements of up to four tensors of the same shape together, in row-major order. `visit` gets the place of
 * the element in the `data` of each tensor.
 */
export function walk(
  shape: Shape,
  xs: readonly Tensor[],
  visit: (a: number, b: number, c: number, d: number) => void,
): void {
  const { sizes, steps } = collapse(
    shape,
    xs.map((x) => x.stride),
  );
  const last = sizes.length - 1;
  const step = [0, 1, 2, 3].map((x) => steps[x] ?? sizes.map(() => 0));
  const [sa, sb, sc, sd] = step.map((s) => s[last]!) as [number, number, number, number];
  const go = (axis: number, a: number, b: number, c: number, d: number): void => {
    const n = sizes[axis]!;
    if (axis === last) for (let i = 0; i < n; i++) visit(a + i * sa, b + i * sb, c + i * sc, d + i * sd);
    else {
      const [ta, tb, tc, td] = step.map((s) => s[axis]!) as [number, number, number, number];
      for (let i = 0; i < n; i++) go(axis + 1, a + i * ta, b + i * tb, c + i * tc, d + i * td);
    }
  };
  const [a = 0, b = 0, c = 0, d = 0] = xs.map((x) => x.offset);
  go(0, a, b, c, d);
}
