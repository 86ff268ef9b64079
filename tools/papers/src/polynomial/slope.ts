import { linearRegression } from "simple-statistics";

/** Least squares slope of `log y` against `log x`: the exponent of a power law. */
export const exponent = (points: readonly { readonly x: number; readonly y: number }[]): number =>
  linearRegression(points.map(({ x, y }) => [Math.log(x), Math.log(y)])).m;
