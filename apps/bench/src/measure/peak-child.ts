import { writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { creator } from "@attnkit/catalog";
import { attention, type DType } from "@attnkit/core";
import { normals } from "@attnkit/measure/random";
import { admit } from "../outside/admit.ts";
import { backendNamed, mechanismNamed } from "../select.ts";
import type { Peak, PeakJob } from "./peak.ts";

/** Tokens of the call that loads and compiles the code before memory is measured. */
const WARM = 64;
/**
 * Tokens of the call that measures the floor, which every length costs. The length differs from WARM: on ONNX Runtime
 * it may need a session of its own.
 */
const SHORT = 96;

process.once("message", async (message) => {
  const job = message as PeakJob & { readonly cwd: string };
  const { dtype, threads } = job;
  await admit(job.cwd, { backends: [job.backend], mechanisms: [job.mechanism] });
  const backend = await backendNamed(job.backend).create({ dtype: dtype as DType, threads });
  const mechanism = (await creator(mechanismNamed(job.mechanism), backend))(job.options);
  const attend = attention(mechanism, backend, { causal: true, kernels: job.kernels });
  const inputs = (length: number) => {
    const tensor = (heads: number, width: number) =>
      backend.upload(filled(job.B * heads * length * width), [job.B, heads, length, width]);
    return { q: tensor(job.Hq, job.d), k: tensor(job.Hkv, job.d), v: tensor(job.Hkv, job.dv) };
  };
  const run = async (block: ReturnType<typeof inputs>) => backend.download((await attend(block)).y);
  const sampled = await sampler();
  const rise = async (length: number) => {
    const block = inputs(length);
    globalThis.gc?.();
    resetMark();
    await sampled();
    const before = process.memoryUsage.rss();
    const highest = process.resourceUsage().maxRSS;
    await run(block);
    const now = process.resourceUsage().maxRSS;
    // The kernel's high-water mark (KiB) is exact if this prefill raised it. Otherwise the sampled maximum is used.
    return { before, peak: Math.max(before, await sampled(), now > highest ? now * 1024 : 0) };
  };
  await run(inputs(Math.min(WARM, job.length)));
  const short = await rise(SHORT);
  const answer: Peak = { ...(await rise(job.length)), floor: short.peak - short.before };
  process.send?.(answer, () => process.exit(0));
});

/** Returns numbers of magnitude about 1. They repeat, which changes no program's memory. */
function filled(size: number): Float32Array {
  const data = new Float32Array(size);
  const period = Math.min(997, size);
  data.set(Float32Array.from({ length: period }, normals(1)));
  for (let done = period; done < size; done *= 2) data.copyWithin(done, 0, Math.min(done, size - done));
  return data;
}

/** Resets the high-water mark to the memory that is resident now. Only Linux supports that. */
function resetMark(): void {
  if (process.platform !== "linux") return;
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // A container may forbid it. The samples still work.
  }
}

/**
 * Samples the process's resident set from another thread, because a prefill may block this one. Returns a function that
 * returns the maximum since its last call.
 */
async function sampler(): Promise<() => Promise<number>> {
  const source = `
    const { parentPort } = require("node:worker_threads");
    let peak = 0;
    setInterval(() => { peak = Math.max(peak, process.memoryUsage.rss()); }, 1);
    parentPort.on("message", () => { parentPort.postMessage(peak); peak = 0; });
    parentPort.postMessage(0);`;
  const worker = new Worker(source, { eval: true });
  const answer = () => new Promise<number>((resolve, reject) => worker.once("message", resolve).once("error", reject));
  await answer();
  return () => {
    worker.postMessage("asked");
    return answer();
  };
}
