/** Least squares slope of `log y` against `log x`: the exponent of a power law. */
export function exponent(points: readonly { readonly x: number; readonly y: number }[]): number {
  const logs = points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) }));
  const mean = (pick: (p: { x: number; y: number }) => number) =>
    logs.reduce((sum, p) => sum + pick(p), 0) / logs.length;
  const [mx, my] = [mean((p) => p.x), mean((p) => p.y)];
  const along = logs.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0);
  return along / logs.reduce((sum, { x }) => sum + (x - mx) ** 2, 0);
}
