import { Worker } from "node:worker_threads";

const [HEADS, CHANNELS] = [2, 32];
const worker = new Worker(new URL("./node-worker.js", import.meta.url));

/** The callback for the reply to each request. @type {Map<number, (reply: import("./attend.js").Reply) => void>} */
const waiting = new Map();
let sent = 0;
worker.on("message", (reply) => waiting.get(reply.id)?.(reply));
worker.on("error", (error) => {
  throw error;
});

/** Sends one block of tokens, all of shape `[heads, tokens, channels]`, and returns y. */
async function attend(/** @type {Omit<import("./attend.js").Request, "id">} */ block) {
  const id = sent++;
  /** @type {Promise<import("./attend.js").Reply>} */
  const reply = new Promise((resolve) => waiting.set(id, resolve));
  // The arrays are moved to the worker, not copied: here they are empty afterwards.
  worker.postMessage(
    { id, ...block },
    [block.q.buffer, block.k.buffer, block.v.buffer].map((b) => /** @type {ArrayBuffer} */ (b)),
  );
  const { y, error } = await reply;
  waiting.delete(id);
  if (y === undefined) throw new Error(error);
  return y;
}

/** Returns the tokens `from` to `from + count - 1` of a sequence of smooth numbers. */
function tokens(/** @type {number} */ from, /** @type {number} */ count) {
  const shape = [HEADS, count, CHANNELS];
  const [q, k, v] = [1, 2, 3].map((speed) =>
    Float32Array.from({ length: HEADS * count * CHANNELS }, (_, i) => {
      const [h, t, c] = [Math.floor(i / (count * CHANNELS)), from + (Math.floor(i / CHANNELS) % count), i % CHANNELS];
      return 2 * Math.sin(speed * (t + 1) * (0.1 + 0.05 * c) + h);
    }),
  );
  return { session: "a", shape, q: /** @type {any} */ (q), k: /** @type {any} */ (k), v: /** @type {any} */ (v) };
}

/** Returns the first four channels of the last token of the last head. */
const end = (/** @type {Float32Array} */ y) =>
  Array.from(y.slice(-CHANNELS, 4 - CHANNELS), (x) => x.toFixed(5)).join(" ");

let ticks = 0;
const clock = setInterval(() => ticks++, 1);
const prompt = tokens(0, 500);
const answer = attend(prompt);
console.log(`left here of q after sending: ${prompt.q.byteLength} bytes`);
console.log(`prefill of 500 tokens: ${end(await answer)}`);
clearInterval(clock);
console.log(`ticks of a timer on the main thread meanwhile: ${ticks}`);
for (let t = 500; t < 503; t++) console.log(`decode of token ${t}: ${end(await attend(tokens(t, 1)))}`);
await worker.terminate();
