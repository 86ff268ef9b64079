import { Worker } from "node:worker_threads";
import { creator } from "@attnkit/catalog";
import { attention, type DType } from "@attnkit/core";
import { normals } from "@attnkit/measure/random";
import { backendNamed, mechanismNamed } from "../select.ts";
import type { Peak, PeakJob } from "./peak.ts";

/** Tokens of the call that loads and compiles the code before memory is measured. */
const WARM = 64;

process.once("message", async (message) => {
  const job = message as PeakJob;
  const backend = await backendNamed(job.backend).create({ dtype: job.dtype as DType });
  const mechanism = (await creator(mechanismNamed(job.mechanism), backend.kind))(job.options);
  const attend = attention(mechanism, backend, { causal: true, kernels: job.kernels });
  const inputs = (length: number) => {
    // Distinct numbers are not needed: a short period is made faster.
    const values = Float32Array.from({ length: 997 }, normals(1));
    const tensor = (heads: number, width: number) => {
      const data = Float32Array.from({ length: job.B * heads * length * width }, (_, i) => values[i % 997]!);
      return backend.upload(data, [job.B, heads, length, width]);
    };
    return { q: tensor(job.Hq, job.d), k: tensor(job.Hkv, job.d), v: tensor(job.Hkv, job.dv) };
  };
  const run = async (block: ReturnType<typeof inputs>) => backend.download((await attend(block)).y);
  await run(inputs(Math.min(WARM, job.length)));
  const block = inputs(job.length);
  const stop = await sampler();
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const highest = process.resourceUsage().maxRSS;
  await run(block);
  const now = process.resourceUsage().maxRSS;
  // The kernel's own high-water mark (KiB) is exact, where this prefill raised it; else the sampled maximum must do.
  const answer: Peak = { before, peak: Math.max(before, await stop(), now > highest ? now * 1024 : 0) };
  process.send?.(answer, () => process.exit(0));
});

/** Watches the process's resident set from another thread, for a prefill may block this one. */
async function sampler(): Promise<() => Promise<number>> {
  const source = `
    const { parentPort } = require("node:worker_threads");
    let peak = 0;
    setInterval(() => { peak = Math.max(peak, process.memoryUsage.rss()); }, 1);
    parentPort.on("message", () => parentPort.postMessage(peak));
    parentPort.postMessage(0);`;
  const worker = new Worker(source, { eval: true });
  const answer = () => new Promise<number>((resolve, reject) => worker.once("message", resolve).once("error", reject));
  await answer();
  return async () => {
    worker.postMessage("stop");
    return answer();
  };
}
