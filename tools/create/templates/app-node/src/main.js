import { attention } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { linear } from "@attnkit/linear";
import { softmax } from "@attnkit/softmax";

const heads = 2;
const channels = 16;
const prompt = 200;
const decoded = 50;

const backend = cpu();
/** Returns the queries, keys or values of tokens, `[B, H, L, d]`. Replace the numbers by those of your model. */
const tokens = (/** @type {number} */ first, /** @type {number} */ count, /** @type {number} */ seed) =>
  backend.upload(
    Float32Array.from({ length: heads * count * channels }, (_, i) => Math.sin(seed + 1.7 * (first * channels + i))),
    [1, heads, count, channels],
  );
const block = (/** @type {number} */ first, /** @type {number} */ count) => ({
  q: tokens(first, count, 1),
  k: tokens(first, count, 2),
  v: tokens(first, count, 3),
});

for (const mechanism of [softmax(), linear()]) {
  const attend = attention(mechanism, backend, { causal: true });
  // Prefill: all tokens of the prompt in one call.
  let { y, state } = await attend(block(0, prompt));
  // Decode: one token per call. The state is all that is kept of the earlier ones.
  const start = performance.now();
  for (let i = 0; i < decoded; i++) ({ y, state } = await attend({ ...block(prompt + i, 1), state }));
  const perToken = (performance.now() - start) / decoded;
  const kept = Object.values(state).reduce((sum, x) => sum + backend.shape(x).reduce((a, b) => a * b, 1), 0);
  const numbers = await backend.download(y);
  console.log(
    `${mechanism.name}: ${prompt} tokens of prompt, ${decoded} decoded at ${perToken.toFixed(2)} ms each, ` +
      `${kept} numbers of state, last output ${numbers[0]?.toFixed(4)}`,
  );
}
