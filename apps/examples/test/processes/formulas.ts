/** The formulas in plain float64 loops, written without attnkit. One head; a row of numbers is a token. */
export type Rows = readonly (readonly number[])[];

/** `y = sum_j w_j v_j / sum_j w_j` with `w_j = exp(q.k_j / sqrt d)`. */
export function softmaxRow(q: readonly number[], k: Rows, v: Rows): number[] {
  const scores = k.map((key) => key.reduce((sum, x, c) => sum + (x * q[c]!) / Math.sqrt(q.length), 0));
  const largest = Math.max(...scores);
  return mean(
    scores.map((score) => Math.exp(score - largest)),
    v,
  );
}

/** The same with `w_j = sum_c exp(q_c + k_jc)`. */
export function logsumexpRow(q: readonly number[], k: Rows, v: Rows): number[] {
  return mean(
    k.map((key) => key.reduce((sum, x, c) => sum + Math.exp(x + q[c]!), 0)),
    v,
  );
}

function mean(weights: readonly number[], v: Rows): number[] {
  const total = weights.reduce((sum, w) => sum + w, 0);
  return v[0]!.map((_, c) => weights.reduce((sum, w, j) => sum + w * v[j]![c]!, 0) / total);
}

/** The numbers that the examples `worker` and `sequence-over-workers` use as q (speed 1), k (2) and v (3) of head h. */
export function wave(speed: number, h: number, tokens: number, channels: number): number[][] {
  return Array.from({ length: tokens }, (_, t) =>
    Array.from({ length: channels }, (_, c) => 2 * Math.sin(speed * (t + 1) * (0.1 + 0.05 * c) + h)),
  );
}

/** Returns the numbers behind the colon of a printed line. */
export function numbersOf(line: string): number[] {
  return line
    .slice(line.indexOf(":") + 1)
    .trim()
    .split(/\s+/)
    .map(Number);
}
