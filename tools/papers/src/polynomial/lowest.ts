/** The place of a minimum. */
export interface Lowest {
  /** NaN if no value is a number. */
  readonly at: number;
  /** True if the least value is the first or the last one. */
  readonly edge: boolean;
}

/**
 * Returns the place of the least y of points that are evenly spaced in x: the vertex of the parabola through the least
 * point and its two neighbours, or the point itself at an edge. Of equal values the first counts; a y that is NaN is
 * larger than any number.
 */
export function lowest(points: readonly { readonly x: number; readonly y: number }[]): Lowest {
  const ys = points.map(({ y }) => (Number.isNaN(y) ? Number.POSITIVE_INFINITY : y));
  const least = Math.min(...ys);
  if (least === Number.POSITIVE_INFINITY) return { at: Number.NaN, edge: true };
  const i = ys.indexOf(least);
  const x = points[i]!.x;
  if (i === 0 || i === points.length - 1) return { at: x, edge: true };
  const [before, after] = [ys[i - 1]!, ys[i + 1]!];
  const bend = before - 2 * least + after;
  const moved = Number.isFinite(bend) && bend > 0 ? (before - after) / (2 * bend) : 0;
  return { at: x + moved * (points[i + 1]!.x - x), edge: false };
}
