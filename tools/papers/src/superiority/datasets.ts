/**
 * The data sets D0 and D1. All entries are multiples of sqrt(log n): channel 0 holds `a` in one marked row, channels
 * 1 .. d - 2 hold `b` times identity matrices on top of each other, and the last channel holds `c` in every row. D0 and D1
 * differ in `a` only.
 */
export interface Data {
  /** Tokens, a multiple of d - 2. */
  readonly n: number;
  /** Channels, at least 3. */
  readonly d: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** The row that has `a`. */
  readonly marked: number;
}

/** A matrix in row-major order. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

export const unit = (n: number): number => Math.sqrt(Math.log(n));

/** Returns the tokens `[n, d]`. Throws a RangeError if d - 2 does not divide n or there is no such row. */
export function tokens({ n, d, a, b, c, marked }: Data): Matrix {
  if (!(d >= 3) || n % (d - 2) !== 0)
    throw new RangeError(`D0 and D1 stack identity matrices: n must be a multiple of d - 2; got n = ${n}, d = ${d}`);
  if (!(marked >= 0 && marked < n)) throw new RangeError(`the marked row must be in 0..${n - 1}; got ${marked}`);
  const data = new Float64Array(n * d);
  for (let row = 0; row < n; row++) {
    data[row * d + 1 + (row % (d - 2))] = b * unit(n);
    data[row * d + d - 1] = c * unit(n);
  }
  data[marked * d] = a * unit(n);
  return { rows: n, columns: d, data };
}

/** Returns the marked row and up to `others` other rows, spread evenly, and the place of the marked row among them. */
export function someRows(x: Matrix, marked: number, others: number): { queries: Matrix; at: number } {
  const step = Math.max(1, Math.floor(x.rows / (others + 1)));
  const picked = Array.from({ length: Math.min(others + 1, x.rows) }, (_, i) => (marked + i * step) % x.rows);
  const data = new Float64Array(picked.length * x.columns);
  picked.forEach((row, i) => {
    data.set(x.data.subarray(row * x.columns, (row + 1) * x.columns), i * x.columns);
  });
  return { queries: { rows: picked.length, columns: x.columns, data }, at: 0 };
}

/**
 * Returns queries of their own for cross-attention, `[rows, d]` of random positive entries. Row `at` adds up to
 * `(1 + a) sqrt(log n)` and every other row to `sqrt(log n)`, as the rows of D1 do.
 */
export function ownQueries(
  rows: number,
  { n, d, a }: Pick<Data, "n" | "d" | "a">,
  at: number,
  uniform: () => number,
): Matrix {
  const data = Float64Array.from({ length: rows * d }, () => 0.1 + uniform());
  for (let row = 0; row < rows; row++) {
    const entries = data.subarray(row * d, (row + 1) * d);
    const sum = entries.reduce((x, y) => x + y, 0);
    const wanted = unit(n) * (row === at ? 1 + a : 1);
    for (let c = 0; c < d; c++) entries[c]! *= wanted / sum;
  }
  return { rows, columns: d, data };
}
