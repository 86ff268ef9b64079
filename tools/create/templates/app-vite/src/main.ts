import { attention } from "@attnkit/core";
import { softmax } from "@attnkit/softmax/webgpu"; // with kernels for WebGPU; on the CPU it runs as a program
import { bestBackend } from "./backend.ts";

const [heads, channels] = [4, 32];
const show = (id: string, text: string) => {
  const element = document.getElementById(id);
  if (element) element.textContent = text;
};

const backend = await bestBackend();
show("backend", `Backend: ${backend.name}`);
const attend = attention(softmax(), backend, { causal: true });

/** Queries, keys and values of tokens, `[B, H, L, d]`. Replace the numbers by those of your model. */
function block(count: number) {
  const tokens = (seed: number) =>
    backend.upload(
      Float32Array.from({ length: heads * count * channels }, (_, i) => Math.sin(seed + 1.7 * i)),
      [1, heads, count, channels],
    );
  return { q: tokens(1), k: tokens(2), v: tokens(3) };
}

// Prefill: all tokens of the prompt in one call. Decode: one token per call, with the state of the call before.
let { y, state } = await attend(block(256));
const start = performance.now();
for (let i = 0; i < 20; i++) ({ y, state } = await attend({ ...block(1), state }));
const numbers = await backend.download(y);
const ms = (performance.now() - start) / 20;
show(
  "output",
  `Decoded 20 tokens at ${ms.toFixed(2)} ms each.\nLast output: ${Array.from(numbers.slice(0, 4), (x) => x.toFixed(4)).join(" ")} …`,
);
