/**
 * The task: reverse a sequence of tokens. The token that belongs at a position stands elsewhere, so that a model without
 * attention cannot do better than guess: its loss is log(KINDS).
 */
export const KINDS = 4;
export const LENGTH = 4;

/**
 * Makes examples. A token is given as two numbers of size 1: which kind it is, and where it stands.
 * @param {number} count The number of sequences.
 * @param {() => number} random A number >= 0 and < 1.
 * @returns {{ x: Float32Array, y: Float32Array }} x [count, LENGTH, KINDS + LENGTH], y [count, LENGTH, 1] the kinds that are right
 */
export function examples(count, random) {
  const width = KINDS + LENGTH;
  const x = new Float32Array(count * LENGTH * width);
  const y = new Float32Array(count * LENGTH);
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < LENGTH; i++) {
      const kind = Math.floor(random() * KINDS);
      const row = (n * LENGTH + i) * width;
      x[row + kind] = 1;
      x[row + KINDS + i] = 1;
      y[n * LENGTH + LENGTH - 1 - i] = kind;
    }
  }
  return { x, y };
}

/**
 * A small generator of random numbers with a seed (mulberry32), so that every run is the same.
 * @param {number} seed
 * @returns {() => number}
 */
export function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
