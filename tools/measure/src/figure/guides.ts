import type { Guide } from "./figure.ts";
import type { Scale } from "./scale.ts";

/** A guide as a straight line in positions, clipped to the plot. */
export interface GuideLine {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  readonly label: string;
  readonly kind: "x" | "y" | "slope";
}

/**
 * Returns the line of a guide. The domains contain the values of all guides. Throws an Error for a slope on a linear axis
 * and for a value that the axis can't show.
 */
export function guideLine(guide: Guide, x: Scale, y: Scale): GuideLine {
  const [[left, right], [bottom, top]] = [x.domain, y.domain];
  const { label } = guide;
  if ("slope" in guide) {
    if (!x.log || !y.log)
      throw new Error(`guide ${JSON.stringify(label)}: a slope needs two logarithmic axes, got a linear one`);
    const [x0, y0] = [(left + right) / 2, (bottom + top) / 2];
    const reach = guide.slope === 0 ? right - x0 : Math.min(right - x0, (top - y0) / Math.abs(guide.slope));
    const rise = guide.slope * reach;
    return { from: [x0 - reach, y0 - rise], to: [x0 + reach, y0 + rise], label, kind: "slope" };
  }
  const scale = guide.at === "x" ? x : y;
  if (!scale.shows(guide.value)) throw new Error(`guide ${JSON.stringify(label)}: the axis cannot show ${guide.value}`);
  const at = scale.at(guide.value);
  return guide.at === "x"
    ? { from: [at, bottom], to: [at, top], label, kind: "x" }
    : { from: [left, at], to: [right, at], label, kind: "y" };
}
