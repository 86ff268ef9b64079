import type { Tensors } from "@attnkit/core";
import { Remembered } from "@attnkit/core/backend";
import { alignPositions, type Call, everyRowSeesAllKeys } from "@attnkit/core/program";
import { type ChannelGradient, gradientCode } from "./channel-scan-backward-code.ts";
import { CHUNK, type ChannelScan, channelCode, THREADS } from "./channel-scan-code.ts";
import { dispatch, grid } from "./dispatch.ts";
import { hasNoState, type KernelGradients } from "./gradients.ts";
import type { Host } from "./host.ts";

/**
 * Makes the gradients of a channel scan, for calls without a state. They take six dispatches, and one more with lse, for any
 * length: the forward sums before each chunk, dq, and the same in reversed order for dk and dv.
 * @example
 * ```ts
 * webgpuKernel(mechanism, { ...spec, gradients: channelScanGradients(scan, gradient) });
 * ```
 */
export function channelScanGradients(scan: ChannelScan, gradient: ChannelGradient): KernelGradients {
  const texts = new Remembered<string, ReturnType<typeof gradientCode>>(16);
  return {
    accepts: hasNoState,
    backward<T>(
      host: Host<T>,
      call: Call,
      { q, k, v, keyMask }: Tensors<T>,
      _: Tensors<T>,
      { y: dy, lse: dlse }: Tensors<T>,
    ) {
      const { dims, causal, lse } = call;
      const { B, Hq, Hkv, L, S, d } = dims;
      const channels = B * Hkv * d;
      const numbers = scan.entries.reduce((n, [, size]) => n + size, 0);
      const whole = everyRowSeesAllKeys(L, S, causal);
      const at = alignPositions(L, S, causal);
      const count = (positions: number) => Math.ceil(positions / CHUNK);
      const [keyChunks, queryChunks] = whole ? [count(S), count(L)] : [count(at.length), count(at.length)];
      const sizes = { L, S, d, channels, heads: Hkv, groups: Hq / Hkv, atQ: whole ? 0 : at.q, atK: whole ? 0 : at.k };
      const floats = { clip: scan.clip, none: Number.NEGATIVE_INFINITY };
      const facts = { whole, keyMask: keyMask !== undefined, lse };
      const code = {
        ...channelCode(scan, { past: false, keyMask: facts.keyMask, lse: false, keeps: false }),
        ...texts.get(Object.values(facts).join(), () => gradientCode(scan, gradient, facts)),
      };
      const mask: Tensors<T> = keyMask === undefined ? {} : { keyMask };
      const run = (name: keyof typeof code, threads: number, summed: number, inputs: Tensors<T>, outputs: Tensors<T>) =>
        dispatch(host, {
          ...{ name: `${scan.name} gradient ${name}`, code: code[name], inputs, outputs },
          ...{ sizes: { ...sizes, chunks: summed, summed }, floats },
          workgroups: grid(host, Math.ceil(threads / THREADS)),
        });
      const shape = host.shape(q!);
      const [slots, left] = [keyChunks, queryChunks].map((n) => host.empty([n + 1, numbers, channels])) as [T, T];
      const [rows, dq] = [host.empty([3, ...shape]), host.empty(shape)];
      const [dk, dv] = [host.empty(host.shape(k!)), host.empty(host.shape(v!))];
      const seeds = lse ? host.empty([2, ...shape]) : dy!;
      if (lse) run("seeds", channels * sizes.groups * L, keyChunks, { dy: dy!, dlse: dlse! }, { seeds });
      run("totals", channels * keyChunks, keyChunks, { k: k!, v: v!, ...mask }, { slots });
      run("scan", channels, keyChunks, {}, { slots });
      const seen: Tensors<T> = whole ? {} : { k: k!, v: v!, ...mask };
      run("queries", channels * queryChunks, keyChunks, { q: q!, ...seen, seeds, slots }, { dq, rows });
      run("rowTotals", channels * queryChunks, queryChunks, { q: q!, rows }, { left });
      run("rowScan", channels, queryChunks, {}, { left });
      const later: Tensors<T> = whole ? {} : { q: q!, rows };
      run("keys", channels * keyChunks, keyChunks, { ...later, k: k!, v: v!, ...mask, left }, { dk, dv });
      return { q: dq, k: dk, v: dv };
    },
  };
}
