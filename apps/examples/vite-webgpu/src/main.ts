import { attention } from "@attnkit/core";
import { softmax } from "@attnkit/softmax/webgpu";
import { chooseBackend } from "./backend.ts";

const [heads, tokens, channels] = [4, 256, 32];
const element = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const button = element<HTMLButtonElement>("run");

const { backend, why } = await chooseBackend();
// On the CPU backend, which hosts no WebGPU kernels, the same mechanism runs as a portable program.
const attend = attention(softmax(), backend, { causal: true, state: false });
element("backend").textContent = `Runs on ${backend.name}: ${why}.`;
button.disabled = false;

button.onclick = async () => {
  button.disabled = true;
  const [q, k, v] = [1, 2, 3].map((seed) => backend.upload(numbers(seed), [heads, tokens, channels]));
  const start = performance.now();
  const { y } = await attend({ q, k, v });
  const values = await backend.download(y);
  const ms = performance.now() - start;
  const last = [...values.slice(-3)].map((x) => x.toFixed(5)).join(", ");
  element("result").textContent =
    `Last 3 of ${values.length} outputs: ${last}. Time with download: ${ms.toFixed(1)} ms.`;
  for (const x of [q, k, v, y]) backend.free(x);
  button.disabled = false;
};

/** The same numbers on every machine: sines with a seed. */
function numbers(seed: number): Float32Array {
  return Float32Array.from({ length: heads * tokens * channels }, (_, i) => Math.sin(i * (seed + 0.1)));
}
