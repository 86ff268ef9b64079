/** Multiplies `x [n, width]` by a matrix `[width, width]`. */
export function project(x: Float64Array, matrix: Float64Array, width: number): Float64Array {
  const out = new Float64Array(x.length);
  for (let i = 0; i < x.length; i += width)
    for (let c = 0; c < width; c++) {
      const factor = x[i + c]!;
      for (let e = 0; e < width; e++) out[i + e]! += factor * matrix[c * width + e]!;
    }
  return out;
}

/**
 * Returns `sqrt(E ||S^p||_F^2)` for the scores `S = (X Q)(X K)^T / sqrt(d)` of n tokens, where all entries are independent
 * and normal, those of X `[n, d]` with variance 1 and those of Q and K `[d, d]` with variance 1 / d.
 *
 * For given X, a row of XQ is `|x| g / sqrt(d)` with a standard normal g, and XK has its own h. Hence
 * `E s^2p = E(g.h / sqrt d)^2p * E(|x_i|^2 / d)^p (|x_j|^2 / d)^p`, with `E(g.h)^2p = (2p-1)!! E|h|^2p` and
 * `E(|h|^2 / d)^m = prod_{i<m} (1 + 2i/d)`. For i = j the two lengths are the same.
 */
export function expectedNorm(p: number, n: number, d: number): number {
  const length = (m: number): number => product(m, (i) => 1 + (2 * i) / d);
  const angle = product(p, (i) => 2 * i + 1) * length(p);
  return Math.sqrt(n * angle * ((n - 1) * length(p) ** 2 + length(2 * p)));
}

const product = (count: number, term: (i: number) => number): number =>
  Array.from({ length: count }, (_, i) => term(i)).reduce((a, b) => a * b, 1);
