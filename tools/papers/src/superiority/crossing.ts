/** A weight between 0 and 1 at a place x. */
export interface Weighed {
  readonly x: number;
  readonly weight: number;
}

/**
 * Returns the x at which rising weights reach `level`: linear between two points in `log(w / (1 - w))`, where the closed
 * forms of this experiment are nearly or exactly straight. NaN if no two neighbours enclose the level.
 */
export function crossing(points: readonly Weighed[], level: number): number {
  const sorted = points.toSorted((a, b) => a.x - b.x);
  for (let i = 1; i < sorted.length; i++) {
    const [from, to] = [sorted[i - 1]!, sorted[i]!];
    if (from.weight > level || to.weight < level) continue;
    const [low, high, wanted] = [from.weight, to.weight, level].map(logit) as [number, number, number];
    return from.x + ((to.x - from.x) * (wanted - low)) / (high - low);
  }
  return Number.NaN;
}

/** Weights are kept off 0 and 1, where rounding has used up all digits. */
const logit = (w: number): number => {
  const inside = Math.min(1 - 1e-12, Math.max(1e-12, w));
  return Math.log(inside / (1 - inside));
};
