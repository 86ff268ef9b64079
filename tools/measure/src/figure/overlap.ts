/** How series stay visible where they lie on each other. */

/** Marks `from` to `to` of a series, whose line is drawn with `dash`; undefined where no other series lies on it. */
export interface Run {
  readonly from: number;
  readonly to: number;
  readonly dash: { readonly array: string; readonly offset: number } | undefined;
}

export interface Placed {
  /** How far the mark of each point moves to the right, in pixels. */
  readonly shifts: readonly number[];
  readonly runs: readonly Run[];
}

type Pixels = readonly [x: number, y: number];

/** Lines and marks nearer than this lie on each other, in pixels. */
const NEAR = 3;
/** The length of a dash where series take turns, and the distance between marks side by side. */
const DASH = 7;
const BESIDE = 6;

/**
 * Returns for each series, given by the pixels of its points from left to right, where its marks move and how its line is
 * dashed: lines on each other take turns, and marks on each other stand side by side.
 */
export function apart(series: readonly (readonly Pixels[])[]): Placed[] {
  return series.map((points, own) => ({
    shifts: points.map((point) => {
      const here = owners(series, (other) => other.some((p) => near(p, point)));
      return BESIDE * (here.indexOf(own) - (here.length - 1) / 2);
    }),
    runs: runsOf(points, own, series),
  }));
}

function runsOf(points: readonly Pixels[], own: number, series: readonly (readonly Pixels[])[]): Run[] {
  const runs: Run[] = [];
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b] = [points[i]!, points[i + 1]!];
    const here = owners(series, (other) =>
      other.some((p, j) => near(p, a) && j + 1 < other.length && near(other[j + 1]!, b)),
    );
    const dash = here.length === 1 ? undefined : turn(here.indexOf(own), here.length);
    const last = runs.at(-1);
    if (last && last.dash?.array === dash?.array && last.dash?.offset === dash?.offset)
      runs[runs.length - 1] = { ...last, to: i + 1 };
    else runs.push({ from: i, to: i + 1, dash });
  }
  return runs;
}

const turn = (index: number, count: number): NonNullable<Run["dash"]> => ({
  array: `${DASH} ${DASH * (count - 1)}`,
  offset: -DASH * index,
});

const owners = (series: readonly (readonly Pixels[])[], isHere: (points: readonly Pixels[]) => boolean): number[] =>
  series.flatMap((points, i) => (isHere(points) ? [i] : []));

const near = (a: Pixels, b: Pixels): boolean => Math.abs(a[0] - b[0]) < NEAR && Math.abs(a[1] - b[1]) < NEAR;
