/** A causal sequence cut over worker threads: each computes the state of its piece, then its outputs. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { attention } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { logsumexp } from "@attnkit/logsumexp";

/** @typedef {import("@attnkit/cpu").NdArray} NdArray */
/** @typedef {import("@attnkit/core").State<NdArray, "logsumexp">} State */

const [WORKERS, HEADS, TOKENS, CHANNELS] = [4, 2, 1000, 16];
const backend = cpu();
const attend = attention(logsumexp(), backend, { causal: true });
const sequence = { q: numbers(1), k: numbers(2), v: numbers(3) };

const workers = Array.from({ length: WORKERS }, () => new Worker(new URL("./worker.js", import.meta.url)));
const ask = async (/** @type {Worker} */ worker, /** @type {object} */ message) => {
  worker.postMessage(message);
  return (await once(worker, "message"))[0]; // rejects if the worker fails
};

// Step 1: all workers at once compute the state of their piece.
const cut = (/** @type {number} */ w) => Math.round((w * TOKENS) / WORKERS);
/** @type {State[]} */
const states = await Promise.all(
  workers.map((worker, w) => {
    const part = (/** @type {NdArray} */ x) => backend.ops.slice(x, 1, cut(w), cut(w + 1)); // [heads, tokens, channels]
    return ask(worker, { piece: { q: part(sequence.q), k: part(sequence.k), v: part(sequence.v) } });
  }),
);

// merge(state(A), state(B)) = state(A then B). before[w] is the state of all pieces before piece w.
/** @type {(State | undefined)[]} */
const before = [undefined];
for (const [w, state] of states.entries()) {
  const past = before[w];
  before.push(past ? await attend.merge(past, state) : state);
}

// Step 2: all workers at once compute their outputs.
/** @type {NdArray[]} */
const pieces = await Promise.all(workers.map((worker, w) => ask(worker, { before: before[w] })));
await Promise.all(workers.map((worker) => worker.terminate()));
const y = backend.ops.concat(pieces, 1);
for (const [w, state] of states.entries())
  console.log(`worker ${w}: tokens ${cut(w)} to ${cut(w + 1) - 1}, sent a state of ${bytesOf(state)} bytes`);

// The same in one piece.
const whole = await attend(sequence);
console.log(`last token, first head: ${(await row(y)).map((x) => x.toFixed(6)).join(" ")}`);
console.log(`largest difference from one piece: ${(await difference(y, whole.y)).toExponential(1)}`);

/** Returns smooth numbers `[heads, tokens, channels]`. */
function numbers(/** @type {number} */ speed) {
  const data = Float32Array.from({ length: HEADS * TOKENS * CHANNELS }, (_, i) => {
    const [h, t, c] = [Math.floor(i / (TOKENS * CHANNELS)), Math.floor(i / CHANNELS) % TOKENS, i % CHANNELS];
    return 2 * Math.sin(speed * (t + 1) * (0.1 + 0.05 * c) + h);
  });
  return backend.upload(data, [HEADS, TOKENS, CHANNELS]);
}

function bytesOf(/** @type {Record<string, NdArray>} */ state) {
  return Object.values(state).reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
}

async function row(/** @type {NdArray} */ x) {
  return Array.from((await backend.download(x)).slice((TOKENS - 1) * CHANNELS, (TOKENS - 1) * CHANNELS + 4));
}

async function difference(/** @type {NdArray} */ a, /** @type {NdArray} */ b) {
  const [one, other] = [await backend.download(a), await backend.download(b)];
  return Math.max(...Array.from(one, (x, i) => Math.abs(x - (other[i] ?? Number.NaN))));
}
