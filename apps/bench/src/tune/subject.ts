import { creator, mechanisms } from "@attnkit/catalog";
import { attention } from "@attnkit/core";
import { random } from "@attnkit/core/conformance";
import { cpu } from "@attnkit/cpu";
import { callsFor } from "@attnkit/measure/time";
import type { WebgpuBackend } from "@attnkit/webgpu";
import type { Call } from "./candidates.ts";

/** A call of softmax attention on the device, and its reference. */
export interface Timed {
  /** Returns the largest error of an answer over the largest output. NaN counts as infinite. */
  error(): Promise<number>;
  /** Returns the seconds per call, averaged over about 20 ms of calls. */
  sample(): Promise<number>;
  dispose(): void;
}

/** The portable program on the CPU is the reference. */
export async function timed(backend: WebgpuBackend, call: Call): Promise<Timed> {
  const { Hq, Hkv, L, S, d } = call;
  const rng = random(JSON.stringify(call));
  // Drawing every number would take longer than the calls. The period is a prime number, so that rows differ.
  const pool = Float32Array.from({ length: 65537 }, () => rng.normal());
  let from = 0;
  const floats = (...shape: number[]) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => pool[(from + i) % 65537]!);
    from += data.length;
    return { data, shape };
  };
  const host = { q: floats(1, Hq, L, d), k: floats(1, Hkv, S, d), v: floats(1, Hkv, S, d) };
  const softmax = await creator(mechanisms.find((m) => m.name === "softmax")!, backend);
  const here = cpu();
  const how = { causal: "end", state: false } as const;
  const reference = attention(softmax(), here, { ...how, kernels: "never" });
  const [q, k, v] = Object.values(host).map(({ data, shape }) => here.upload(data, shape));
  const expected = Array.from(await here.download((await reference({ q: q!, k: k!, v: v! })).y));

  const attend = attention(softmax(), backend, { ...how, kernels: "require" });
  const [gq, gk, gv] = Object.values(host).map(({ data, shape }) => backend.upload(data, shape));
  const block = { q: gq!, k: gk!, v: gv! };
  let calls = 1;
  const run = async (n: number) => {
    const start = performance.now();
    for (let i = 0; i < n; i++) backend.free((await attend(block)).y);
    backend.flush();
    await backend.gpuDevice.queue.onSubmittedWorkDone();
    return (performance.now() - start) / 1000 / n;
  };
  return {
    async error() {
      const { y } = await attend(block);
      const got = await backend.download(y);
      backend.free(y);
      calls = callsFor(await run(2), 64);
      const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const worst = expected.reduce((most, x, i) => {
        const off = Math.abs(got[i]! - x);
        return Math.max(most, Number.isNaN(off) ? Number.POSITIVE_INFINITY : off);
      }, 0);
      return worst / largest;
    },
    sample: () => run(calls),
    dispose() {
      for (const x of Object.values(block)) backend.free(x);
      backend.trim();
    },
  };
}
