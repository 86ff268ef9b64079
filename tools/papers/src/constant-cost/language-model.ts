import type { Mechanism } from "@attnkit/core";
import { about as elementwise } from "@attnkit/elementwise/about";
import { about as linear } from "@attnkit/linear/about";
import { about as logsumexp } from "@attnkit/logsumexp/about";
import { uniforms } from "@attnkit/measure/random";
import { about as polynomial } from "@attnkit/polynomial/about";
import { about as softmax } from "@attnkit/softmax/about";
import { byteText, mobyDick } from "../data/text.ts";
import type { Claim, Size } from "../experiment.ts";
import { learn, type Windows } from "./learn.ts";
const TOKENS = 64;
const make: Readonly<Record<string, () => Mechanism>> = {
  softmax: () => softmax.create({}),
  logsumexp: () => logsumexp.create({ logValues: true }),
  "logsumexp v": () => logsumexp.create({}),
  linear: () => linear.create({}),
  none: () => softmax.create({ window: [0, 0] }),
};
export async function lm(name: string, ctx: any, batch = 16, steps = 100): Promise<any> {
  const text = byteText(mobyDick());
  const cut = Math.floor(text.tokens.length * 0.9);
  const uniform = uniforms(ctx.seed);
  const windows = (starts: number[]): Windows => ({ rows: starts.length, data: Float32Array.from(starts.flatMap((s) => [...text.tokens.subarray(s, s + TOKENS + 1)])) });
  const t0 = performance.now(); const c0 = process.cpuUsage();
  const r = await learn(make[name]!(), {
    classes: text.size, tokens: TOKENS, steps, rate: 8e-3,
    train: () => windows(Array.from({ length: batch }, () => Math.floor(uniform() * (cut - TOKENS - 1)))),
    heldOut: windows(Array.from({ length: 256 }, (_, i) => cut + Math.floor((i * (text.tokens.length - cut - TOKENS - 1)) / 256))),
    reports: [Math.floor(steps / 4), Math.floor(steps / 2)],
  }, ctx);
  const c = process.cpuUsage(c0); return { cpu: (c.user + c.system) / 1e6, s: (performance.now() - t0) / 1000, l: r.map((x) => x.losses.reduce((a, b) => a + b, 0) / x.losses.length) };
}
