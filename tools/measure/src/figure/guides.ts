import type { Guide } from "./figure.ts";
import type { Scale } from "./scale.ts";

/** A guide as a straight line in positions, clipped to the plot. */
export interface GuideLine {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  readonly label: string;
  readonly kind: "x" | "y" | "slope";
}

/** Where a line of a given slope may pass on the way from the upper left to the lower right corner, the usual place first. */
const PLACES = [0.5, 0.35, 0.65, 0.22, 0.78] as const;

/**
 * Returns the lines that a guide may be: one for a value, several for a slope. The domains contain the values of all
 * guides. Throws an Error for a slope on a linear axis and for a value that the axis can't show.
 */
export function guideLines(guide: Guide, x: Scale, y: Scale): GuideLine[] {
  const [[left, right], [bottom, top]] = [x.domain, y.domain];
  const { label } = guide;
  if ("slope" in guide) {
    if (!x.log || !y.log)
      throw new Error(`guide ${JSON.stringify(label)}: a slope needs two logarithmic axes, got a linear one`);
    return PLACES.map((place) => slopeLine(guide.slope, place, x, y, label));
  }
  const scale = guide.at === "x" ? x : y;
  if (!scale.shows(guide.value)) throw new Error(`guide ${JSON.stringify(label)}: the axis cannot show ${guide.value}`);
  const at = scale.at(guide.value);
  return guide.at === "x"
    ? [{ from: [at, bottom], to: [at, top], label, kind: "x" }]
    : [{ from: [left, at], to: [right, at], label, kind: "y" }];
}

function slopeLine(slope: number, place: number, x: Scale, y: Scale, label: string): GuideLine {
  const [[left, right], [bottom, top]] = [x.domain, y.domain];
  // A falling line crosses the other diagonal.
  const height = slope < 0 ? place : 1 - place;
  const [x0, y0] = [left + place * (right - left), bottom + height * (top - bottom)];
  const reach = (dx: number) => {
    const dy = slope * dx > 0 ? top - y0 : y0 - bottom;
    return slope === 0 ? Math.abs(dx) : Math.min(Math.abs(dx), dy / Math.abs(slope));
  };
  const [back, on] = [reach(left - x0), reach(right - x0)];
  return { from: [x0 - back, y0 - slope * back], to: [x0 + on, y0 + slope * on], label, kind: "slope" };
}
