/** A point of a trade: both numbers are better where they are smaller. */
export interface Trade {
  readonly distance: number;
  readonly cost: number;
}

/** Returns the points that no other point beats: none is as good in both numbers and better in one. */
export const undominated = <T extends Trade>(points: readonly T[]): T[] =>
  points.filter(
    (a) =>
      !points.some((b) => b.distance <= a.distance && b.cost <= a.cost && (b.distance < a.distance || b.cost < a.cost)),
  );
