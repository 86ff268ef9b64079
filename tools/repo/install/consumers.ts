/**
 * Programs of a user of the packages. Each computes causal attention at once and in two blocks, compares both,
 * and prints `agrees`. It is text, because it is compiled and bundled outside this repository.
 */

const body = `const backend = cpu();
  const tokens = (from, n) => backend.upload(Float32Array.from({ length: 4 * n }, (_, i) => Math.sin(4 * from + i)), [n, 4]);
  const attend = attention(softmax(), backend, { causal: true });
  const block = (from, n) => ({ q: tokens(from, n), k: tokens(from, n), v: tokens(from, n) });
  const whole = await backend.download((await attend(block(0, 5))).y);
  const first = await attend(block(0, 3));
  const second = await attend({ ...block(3, 2), state: first.state });
  const parts = [...(await backend.download(first.y)), ...(await backend.download(second.y))];
  if (parts.length !== 20 || parts.some((y, i) => !(Math.abs(y - whole[i]) < 1e-6))) throw new Error(parts.join());`;

const imports = `import { attention } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";`;

/** The types that the body needs. */
const typed = body
  .replace("(from, n) => backend", "(from: number, n: number) => backend")
  .replace("(from, n) => ({", "(from: number, n: number) => ({")
  .replace("const parts =", "const parts: number[] =")
  .replace("whole[i]", "whole[i]!");

export const consumers = {
  "use.mjs": `${imports}
import { softmax } from "@attnkit/softmax";
${body}
console.log("agrees");
`,
  "use.cjs": `const { attention } = require("@attnkit/core");
const { cpu } = require("@attnkit/cpu");
const { softmax } = require("@attnkit/softmax");
(async () => {
  ${body}
  console.log("agrees");
})();
`,
  "use.ts": `${imports}
import { softmax } from "@attnkit/softmax";
${typed}
console.log("agrees");
`,
  /** Also the gradient, which is a chunk of its own, and the kernels on a device. */
  "page.mjs": `${imports}
import { softmax } from "@attnkit/softmax/webgpu";
import { webgpu } from "@attnkit/webgpu";
${body}
const gradients = await backend.vjp((o, { x }) => ({ y: o.mul(x, x) }), { x: backend.upload([3]) }, { y: backend.upload([1]) }, ["x"]);
if ((await backend.download(gradients.x))[0] !== 6) throw new Error("the gradient is wrong");
const device = await (await navigator.gpu.requestAdapter()).requestDevice();
const gpu = webgpu({ device });
const x = gpu.upload(Float32Array.from({ length: 20 }, (_, i) => Math.sin(i)), [5, 4]);
const y = await gpu.download((await attention(softmax(), gpu, { causal: true })({ q: x, k: x, v: x })).y);
if (y.some((value, i) => !(Math.abs(value - whole[i]) < 1e-5))) throw new Error("the device differs: " + y);
console.log("agrees");
`,
  "gpu.ts": `import { attention } from "@attnkit/core";
import { softmax } from "@attnkit/softmax/webgpu";
import { webgpu } from "@attnkit/webgpu";

export async function last(device: GPUDevice): Promise<number | undefined> {
  const backend = webgpu({ device });
  const x = backend.upload([[1, 2], [3, 4]]);
  const { y } = await attention(softmax(), backend, { causal: true })({ q: x, k: x, v: x });
  return (await backend.download(y)).at(-1);
}
`,
} as const;
