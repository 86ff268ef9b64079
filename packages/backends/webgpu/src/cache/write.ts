import type { AppendedKeys } from "@attnkit/core/program";
import { isCopyable } from "../device/usage.ts";
import { beginElement, type Gpu, run, THREADS } from "../ops/gpu.ts";
import { bytesOf, type GpuTensor } from "../tensor.ts";

/** A block's own keys: `k [B, Hkv, S, d]`, `v [B, Hkv, S, dv]`, and `[B, S]` or nothing for both others. */
export interface OwnKeys {
  readonly k: GpuTensor;
  readonly v: GpuTensor;
  /** Non-zero for present keys. */
  readonly keyMask: GpuTensor | undefined;
  /** Ones, if there is no key mask and the cache has `keep`. */
  readonly keep: GpuTensor | undefined;
}

/**
 * Writes a block's own keys behind those of its state, zero for absent keys. One token is copied as bytes, without a dispatch, if
 * it has no key mask or if `appliesMask` says that the kernel applies it. Everything else takes one dispatch.
 * @returns False if the kernel must apply the key mask: own keys are as given, and `all.keep` has no entries for them yet.
 */
export function writeLast(gpu: Gpu, own: OwnKeys, all: AppendedKeys<GpuTensor>, appliesMask: boolean): boolean {
  const { k, v, keep, keyMask } = own;
  const asBytes = isOneRange(k, all.k) && isOneRange(v, all.v) && (!keep || !all.keep || isOneRange(keep, all.keep));
  if (!asBytes || (keyMask && !appliesMask)) {
    dispatchLast(gpu, own, all);
    return true;
  }
  copyLast(gpu, k, all.k);
  copyLast(gpu, v, all.v);
  if (keep && all.keep) copyLast(gpu, keep, all.keep);
  return keyMask === undefined;
}

function copyLast({ commands }: Gpu, own: GpuTensor, all: GpuTensor): void {
  const bytes = bytesOf(own);
  commands.copy(own, { buffer: all.buffer, offset: all.offset + bytesOf(all) - bytes }, bytes);
}

/** Returns whether the elements lie as they do in the cache, token after token, and can be copied. */
const isOneRange = ({ shape, strides, buffer, dtype }: GpuTensor, cache: GpuTensor): boolean => {
  const tokens = shape.length === 4 ? 2 : 1;
  const oneBefore = shape.slice(0, tokens).every((n) => n === 1);
  return dtype === cache.dtype && (shape[tokens] === 1 || oneBefore) && strides === undefined && isCopyable(buffer);
};

function dispatchLast(gpu: Gpu, { k, v, keyMask }: OwnKeys, all: AppendedKeys<GpuTensor>): void {
  const [B, H, S, d] = k.shape as [number, number, number, number];
  const [T, dv] = [all.k.shape[2]!, v.shape[3]!];
  const { memory } = gpu;
  const to = { cacheK: memory.elements(all.k), cacheV: memory.elements(all.v) };
  const keep = all.keep && memory.elements(all.keep);
  const mask = keyMask?.dtype === "boolean" ? "keyMask_at" : "is_present";
  const wide = Math.max(d, dv);
  const n = B * H * S * wide;
  run(gpu, {
    name: "append keys",
    code: `
${keyMask && mask === "is_present" ? "fn is_present(i: u32) -> bool { return keyMask_at(i) != 0.0; }" : ""}
${beginElement}
  let c = i % p.wide;
  let head = i / p.wide % p.heads;
  let token = i / p.wide / p.heads;
  let batch = head / p.perBatch;
  let source = head * p.S + token;
  let row = (p.past + token) * p.heads + head;
  let present = ${keyMask ? `${mask}(batch * p.S + token)` : "true"};
  if (c < p.d) { cacheK_put(row * p.d + c, select(0.0, k_at(source * p.d + c), present)); }
  if (c < p.dv) { cacheV_put(row * p.dv + c, select(0.0, v_at(source * p.dv + c), present)); }
  ${keep ? "if (c == 0u && head % p.perBatch == 0u) { keep_put((p.past + token) * (p.heads / p.perBatch) + batch, select(0.0, 1.0, present)); }" : ""}
}`,
    inputs: { k, v, ...(keyMask && { keyMask }) },
    outputs: { ...to, ...(keep && { keep }) },
    sizes: { n, S, d, dv, wide, past: T - S, heads: B * H, perBatch: H },
    groups: Math.ceil(n / THREADS),
  });
  for (const x of [...Object.values(to), ...(keep ? [keep] : [])]) memory.free(x);
}
