/** Asks 20 questions of different lengths at once, and checks each answer on another backend. */
import { attention } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { softmax } from "@attnkit/softmax";

const [HEADS, CHANNELS] = [4, 16];
const url = process.argv[2] ?? "http://127.0.0.1:8000";
const backend = cpu();
const attend = attention(softmax(), backend);

const asked = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(1 + ((7 * i) % 40))));
const batches = asked.map(({ batch }) => batch);
console.log(`answers: ${asked.length}; the largest batch: ${Math.max(...batches)}`);
const difference = Math.max(...asked.map((one) => one.difference));
console.log(`largest difference from @attnkit/cpu: ${difference.toExponential(1)}`);
if (!(difference < 1e-5)) throw new Error("The server's answers are wrong.");

async function ask(/** @type {number} */ tokens) {
  const [q, k, v] = ["q", "k", "v"].map(() =>
    Float32Array.from({ length: HEADS * tokens * CHANNELS }, () => 4 * Math.random() - 2),
  );
  const body = JSON.stringify({ q: Array.from(q ?? []), k: Array.from(k ?? []), v: Array.from(v ?? []) });
  const response = await fetch(url, { method: "POST", body });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  const upload = (/** @type {any} */ x) => backend.upload(x, [HEADS, tokens, CHANNELS]);
  const right = await backend.download((await attend({ q: upload(q), k: upload(k), v: upload(v) })).y);
  return { batch: answer.batch, difference: Math.max(...right.map((x, i) => Math.abs(x - answer.y[i]))) };
}
