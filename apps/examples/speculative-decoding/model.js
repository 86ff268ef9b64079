import { attention } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";

const backend = cpu();

/**
 * The memory of a model after some words. It is never modified, so any earlier one can be returned to.
 *
 * @typedef {{ state: any, last: readonly number[], length: number }} Memory
 */

/**
 * Returns a predictor of words made of one attention head: it looks up earlier places with the same `context` last words,
 * and finds there the words that followed. It predicts the most frequent one.
 *
 * @param {import("@attnkit/core").Mechanism} mechanism
 * @param {{ words: number, context: number, sharpness: number }} options `words` is the size of the vocabulary;
 * `sharpness` is the size of the numbers in q and k.
 */
export function model(mechanism, { words, context, sharpness }) {
  const attend = attention(mechanism, backend, { causal: true });
  const channels = context * words + 1;
  let calls = 0;

  /** One channel for each word at each place of the context. The last channel prefers later places a little. */
  const vector = (/** @type {readonly number[]} */ recent, /** @type {number} */ end) => {
    const x = new Float32Array(channels);
    for (let c = 0; c < context; c++) {
      const word = recent[recent.length - 1 - c];
      if (word !== undefined) x[c * words + word] = sharpness;
    }
    x[channels - 1] = end;
    return x;
  };

  return {
    get calls() {
      return calls;
    },
    /** @type {Memory} */
    start: { state: undefined, last: [], length: 0 },
    /**
     * Reads a block of words. Returns the word that it predicts after each of them, and the memory after all of them.
     *
     * @param {Memory} memory
     * @param {readonly number[]} block
     */
    async read(memory, block) {
      calls++;
      const known = [...memory.last, ...block];
      const before = (/** @type {number} */ i) => known.slice(0, memory.last.length + i);
      const q = block.map((_, i) => vector(before(i + 1), 1));
      const k = block.map((_, i) => vector(before(i), 0.01 * (memory.length + i)));
      const v = block.map((word) => Float32Array.from({ length: words }, (_, c) => (c === word ? 1 : 0)));
      const up = (/** @type {Float32Array[]} */ rows) => backend.upload(rows.map((row) => [...row]));
      const { y, state } = await attend({ q: up(q), k: up(k), v: up(v), state: memory.state });
      const out = await backend.download(y);
      const next = block.map((_, i) => {
        const row = out.subarray(i * words, (i + 1) * words);
        return row.indexOf(Math.max(...row));
      });
      return { next, memory: { state, last: known.slice(-context), length: memory.length + block.length } };
    },
  };
}
