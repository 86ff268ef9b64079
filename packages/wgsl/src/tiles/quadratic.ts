import type { Backend, Block, DType, Mechanism, Result, Tensors } from "@attnkit/core";
import {
  elementCount,
  type Kernel,
  namesOfBlock,
  namesOfResult,
  resultOfNames,
  vjp,
  zerosLike,
} from "@attnkit/core/backend";
import { type Call, type EagerOps, liftTensor, type Ops, type Window } from "@attnkit/core/program";
import { appendKeys } from "../cache/append.ts";
import type { CachedKeys } from "../cache/in-place.ts";
import { type GpuFacts, gpuFacts } from "../gpu-facts.ts";
import { type Host, hostOf, operation } from "../host.ts";
import { acceptable, WEBGPU } from "../kernel.ts";
import { asFloats } from "../stored.ts";
import type { TileGradients } from "./backward.ts";
import { attend } from "./forward.ts";
import type { Pairs } from "./pairs.ts";
import { tileFor } from "./table.ts";
import type { Tile } from "./tile.ts";
import type { Walk } from "./walk.ts";
import type { Weights } from "./weights.ts";

/** A mechanism that compares every query with every key, and whose state keeps the keys. */
export interface Quadratic {
  readonly name: string;
  readonly weights: Weights;
  readonly window?: Window | undefined;
  /** For d channels: q and k are clamped to `-limit(d)..limit(d)`, and q is then multiplied by `scale(d)`. */
  limit(d: number): number;
  scale(d: number): number;
  /** Returns the reason if a call is not for this kernel. Limits of its tiles are checked separately. */
  refuses?(call: Call): string | undefined;
  /** The gradients of calls without bias. Default, and for calls with bias: the gradient of the portable program. */
  readonly gradients?: TileGradients;
}

/** The largest d or dv: sums of a row are held in registers. */
const WIDEST = 256;

/**
 * Makes a kernel for the quadratic family. After the keys are appended to the cache, it is one pass over tiles, and one
 * that combines parts of the keys for a few queries.
 * @param mechanism The portable mechanism. Its gradient is used if `spec` has none.
 * @example
 * ```ts
 * withKernels(mechanism, quadraticKernel(mechanism, { name, weights, limit: () => 1e4, scale: (d) => d ** -0.5 }));
 * ```
 */
export function quadraticKernel(mechanism: Mechanism, spec: Quadratic): Kernel<unknown> {
  return {
    name: spec.name,
    kind: WEBGPU,
    accepts: (call, backend) =>
      acceptable(call, backend, (_, gpu) => spec.refuses?.(call) ?? fits(call, gpu, backend.dtype)),
    run<T>(block: Block<T>, call: Call, backend: Backend<T>) {
      const host = hostOf(backend) as Host<T>;
      return resultOfNames(host.scope(() => namesOfResult(run(host, mechanism, spec, block, call))));
    },
  };
}

/**
 * Returns true if a kernel can bind every tensor of a call: those of the block, and the cache, y and lse that it makes. Floats are
 * counted as the backend stores them; masks, `keep` and lse have 4 bytes per element.
 */
function fits({ dims, shapes, lse }: Call, gpu: GpuFacts, dtype: DType): true | string {
  const { B, Hq, Hkv, L, S, d, dv } = dims;
  if (d > WIDEST || dv > WIDEST) return `d = ${d} and dv = ${dv} channels per head; a tile holds at most ${WIDEST}`;
  const T = S + pastOf(shapes);
  const stored = dtype === "float16" ? 2 : 4;
  const given = Object.entries(namesOfBlock(shapes)).map(
    ([name, shape]) => (WORDS.has(name) ? 4 : stored) * elementCount(shape),
  );
  const made = [
    ...[stored * B * Hkv * T * Math.max(d, dv), stored * B * Hq * L * dv],
    ...(shapes.keyMask || shapes.state?.keep ? [4 * B * T] : []),
    ...(lse ? [4 * B * Hq * L] : []),
  ];
  const bytes = Math.max(...given, ...made);
  return bytes <= gpu.largestBuffer || `a tensor of ${bytes} bytes; this device binds at most ${gpu.largestBuffer}`;
}

/** The tensors of a block that have 4 bytes per element whatever the backend's type is. */
const WORDS: ReadonlySet<string> = new Set(["mask", "keyMask", "state.keep"]);

const pastOf = (shapes: Call["shapes"]): number => shapes.state?.k?.[2] ?? 0;

function run<T>(host: Host<T>, mechanism: Mechanism, spec: Quadratic, block: Block<T>, call: Call): Result<T> {
  const { dims, shapes, causal, lse } = call;
  const { B, Hq, Hkv, L, S, d } = dims;
  const past = pastOf(shapes);
  const rows = (Hq / Hkv) * L;
  const window = spec.window ?? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const way = tileFor(host.device, rows, dims);
  const splits = splitsFor(way, B * Hkv, reachOf(past + S, L, window), rows);
  const keys = cacheOf(host, block, call, splits > 1 && fewBuffers(block, gpuFacts(host.device)));
  const tensors: Tensors<T> = {
    ...{ q: asFloats(host, block.q), k: keys.k, v: keys.v },
    ...(block.mask && { mask: block.mask }),
    ...(block.bias && { bias: asFloats(host, block.bias) }),
    ...(keys.keep && { keep: keys.keep }),
    ...(keys.unapplied && { ownMask: keys.unapplied }),
  };
  const pairs: Pairs<T> = { tensors, dims, past, causal, window, limit: spec.limit(d), scale: spec.scale(d) };
  const recompute = tensors.bias ? undefined : spec.gradients;
  const keepsLse = recompute !== undefined && spec.weights.kind === "softmax" && host.tape?.recording === true;
  const out = operation(host, {
    inputs: tensors,
    forward: () => attend(host, { ...pairs, weights: spec.weights, lse: lse || keepsLse, way, splits }),
    backward(ops, given, seeds, wrt, { y, lse }) {
      const floats = wrt.filter((n) => ["q", "k", "v", "bias"].includes(n));
      const found = recompute
        ? recompute(host, { ...pairs, tensors: oneMask(ops, given) }, spec.weights, {
            y: y!,
            lse,
            dy: seeds.y!,
            dlse: seeds.lse,
          })
        : vjp(ops, (o, t) => portable(o, mechanism, t, call, past), given, seeds, floats);
      return { ...Object.fromEntries(wrt.map((n) => [n, found[n] ?? zerosLike(ops, given[n]!)])) };
    },
  });
  return {
    y: out.y!,
    ...(lse && { lse: out.lse! }),
    state: call.state === false ? {} : { k: keys.k, v: keys.v, ...(keys.keep && { keep: keys.keep }) },
  };
}

/**
 * Merges key mask and mask into one. Otherwise masks, outputs and gradients would exceed the tensors that WebGPU can
 * bind.
 */
function oneMask<T>(o: EagerOps<T>, { keep, ...rest }: Tensors<T>): Tensors<T> {
  if (keep === undefined || rest.mask === undefined) return { ...rest, ...(keep && { keep }) };
  const [B, T] = o.shape(keep) as [number, number];
  return { ...rest, mask: o.where(o.reshape(keep, [B, 1, 1, T]), rest.mask, 0) };
}

/** Runs the portable program on keys that are already appended to the cache. */
function portable<T>(o: Ops<T>, mechanism: Mechanism, t: Tensors<T>, call: Call, past: number): Tensors<T> {
  const { B, Hq, L, S, d, dv } = call.dims;
  const lift = (x: T | undefined) => (x === undefined ? undefined : liftTensor(o, x));
  const cut = (x: T, axis: number, own: boolean) => o.slice(x, axis, own ? past : 0, own ? past + S : past);
  const state = { k: cut(t.k!, 2, false), v: cut(t.v!, 2, false), ...(t.keep && { keep: cut(t.keep, 1, false) }) };
  const block: Block<T> = {
    ...{ q: o.reshape(t.q!, [B, Hq, L, d]), k: cut(t.k!, 2, true), v: cut(t.v!, 2, true) },
    ...{ mask: lift(t.mask), bias: lift(t.bias), keyMask: t.keep && cut(t.keep, 1, true) },
    state: past > 0 ? state : undefined,
  };
  const { y, lse } = mechanism.forward(o, block, call);
  const lead = o.shape(t.q!).slice(0, -1);
  return { y: o.reshape(y, [...lead, dv]), ...(call.lse && { lse: o.reshape(lse!, lead) }) };
}

/**
 * Returns whether a kernel can bind a key mask that is not applied yet, beside q, k, v, keep, mask, bias and the outputs y and
 * lse of parts. The merge of parts binds 8 buffers then.
 */
const fewBuffers = <T>({ mask, bias }: Block<T>, { buffers }: GpuFacts): boolean =>
  mask === undefined || bias === undefined || buffers >= 9;

/**
 * Appends the block's keys and values to those of its state, with rank 4.
 * @param appliesMask True if the kernel can apply the block's key mask.
 */
function cacheOf<T>(
  host: Host<T>,
  { q, k, v, keyMask, state }: Block<T>,
  { dims: { B, Hkv, S, d, dv } }: Call,
  appliesMask: boolean,
): CachedKeys<T> {
  const { ops } = host;
  const block: Block<T> = {
    ...{ q, k: ops.reshape(k, [B, Hkv, S, d]), v: ops.reshape(v, [B, Hkv, S, dv]) },
    ...{ keyMask: keyMask && ops.reshape(keyMask, [B, S]), state },
  };
  return appendKeys(host, block, appliesMask);
}

/** Returns how many keys a block of L rows can reach within a window. */
const reachOf = (T: number, L: number, [left, right]: Window): number => Math.min(T, left + L + Math.min(right, T));

/**
 * Returns the number of splits of the keys. A few rows have enough workgroups to fill a GPU, with at least about 256 keys
 * for each. Walks have more, because their threads have less work in flight.
 */
function splitsFor(way: Tile | Walk, heads: number, keys: number, rows: number): number {
  if (rows > 16) return 1;
  const [least, workgroups] = "lanes" in way ? [way.keys, 1024] : [256, 256];
  return Math.max(1, Math.min(Math.ceil(keys / least), Math.ceil(workgroups / heads)));
}
