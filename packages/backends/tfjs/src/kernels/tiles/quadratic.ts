import type { Block, Mechanism, Result, Tensors } from "@attnkit/core";
import { type Kernel, namesOfBlock, namesOfResult, resultOfNames, vjp } from "@attnkit/core/backend";
import { type AppendedKeys, appendKeys, type Call, liftTensor, type Ops, type Window } from "@attnkit/core/program";
import type { TfjsBackend } from "../../index.ts";
import type { Tensor, Tf } from "../../tf.ts";
import { type Gpu, gpuOf } from "../gpu.ts";
import { acceptable } from "../kernel.ts";
import { onTape } from "../tape-operation.ts";
import type { TileGradients } from "./backward.ts";
import { attend, type Weights } from "./forward.ts";
import type { Pairs } from "./pairs.ts";
import { type Tile, tileFor } from "./tile.ts";

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
  /** Default: chosen by device and call. */
  readonly tile?: Tile;
}

/** The largest d or dv: sums of a row are held in registers. */
const WIDEST = 256;

/**
 * Makes a kernel for the quadratic family. tfjs's own operations append to the cache; everything else is one pass over
 * tiles.
 * @param mechanism The portable mechanism. Its gradient is used if `spec` has none.
 * @example
 * ```ts
 * withKernels(mechanism, quadraticKernel(mechanism, { name, weights, limit: () => 1e4, scale: (d) => d ** -0.5 }));
 * ```
 */
export function quadraticKernel(mechanism: Mechanism, spec: Quadratic): Kernel<Tensor> {
  return {
    name: spec.name,
    kind: "tfjs",
    accepts: (call, backend) => acceptable(call, gpuOf(backend), (_, gpu) => spec.refuses?.(call) ?? fits(call, gpu)),
    run(block, call, backend) {
      const gpu = gpuOf(backend) as Gpu;
      const { ops } = backend as TfjsBackend;
      const results = gpu.tf.tidy(() => namesOfResult(run(gpu, ops, mechanism, spec, block, call)));
      return resultOfNames(results);
    },
  };
}

function fits({ dims: { B, Hkv, S, d, dv }, shapes }: Call, gpu: Gpu): true | string {
  if (d > WIDEST || dv > WIDEST) return `d = ${d} and dv = ${dv} channels per head; a tile holds at most ${WIDEST}`;
  const T = S + pastOf(shapes);
  const bytes =
    4 *
    Math.max(
      B * Hkv * T * Math.max(d, dv),
      ...Object.values(namesOfBlock(shapes)).map((s) => s.reduce((a, b) => a * b, 1)),
    );
  return bytes <= gpu.largestBuffer || `a tensor of ${bytes} bytes; this device binds at most ${gpu.largestBuffer}`;
}

const pastOf = (shapes: Call["shapes"]): number => shapes.state?.k?.[2] ?? 0;

function run(
  gpu: Gpu,
  o: Ops<Tensor>,
  mechanism: Mechanism,
  spec: Quadratic,
  block: Block<Tensor>,
  call: Call,
): Result<Tensor> {
  const { tf } = gpu;
  const { dims, shapes, causal, lse } = call;
  const keys = appendKeys(o, cacheOf(o, block, call));
  const past = pastOf(shapes);
  const tensors: Tensors<Tensor> = {
    ...{ q: float(tf, block.q), k: keys.k, v: keys.v },
    ...(block.mask && { mask: block.mask }),
    ...(block.bias && { bias: float(tf, block.bias) }),
    ...(keys.keep && { keep: keys.keep }),
  };
  const window = spec.window ?? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const { B, Hq, Hkv, L, S, d, dv } = dims;
  const rows = (Hq / Hkv) * L;
  const pairs: Pairs = { tensors, dims, past, causal, window, limit: spec.limit(d), scale: spec.scale(d) };
  const tile = spec.tile ?? tileFor(rows, Math.max(d, dv), gpu.workgroupMemory);
  const splits = spec.weights.kind === "softmax" && rows <= 16 ? splitsFor(B * Hkv, reachOf(past + S, L, window)) : 1;
  const recompute = tensors.bias ? undefined : spec.gradients;
  const recorded = recompute !== undefined && tf.engine().state.gradientDepth > 0;
  const out = onTape(gpu, {
    inputs: tensors,
    forward: () => attend(gpu, { ...pairs, weights: spec.weights, lse: lse || recorded, tile, splits }),
    backward(given, seeds, wrt, { y, lse }) {
      const floats = wrt.filter((n) => ["q", "k", "v", "bias"].includes(n));
      const found = recompute
        ? recompute(gpu, { ...pairs, tensors: oneMask(o, given) }, spec.weights, {
            y: y!,
            lse: lse!,
            dy: seeds.y!,
            dlse: seeds.lse!,
          })
        : vjp(o, (ops, t) => portable(ops, mechanism, t, call, past), given, seeds, floats);
      return { ...Object.fromEntries(wrt.map((n) => [n, tf.zeros(given[n]!.shape)])), ...found };
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
function oneMask(o: Ops<Tensor>, { keep, ...rest }: Tensors<Tensor>): Tensors<Tensor> {
  if (keep === undefined || rest.mask === undefined) return { ...rest, ...(keep && { keep }) };
  const [B, T] = keep.shape as [number, number];
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

/** Returns keys, values and state of a call, with rank 4. */
function cacheOf(
  o: Ops<Tensor>,
  { q, k, v, keyMask, state }: Block<Tensor>,
  { dims: { B, Hkv, S, d, dv } }: Call,
): Block<Tensor> & Partial<AppendedKeys<Tensor>> {
  return {
    ...{ q, k: o.reshape(k, [B, Hkv, S, d]), v: o.reshape(v, [B, Hkv, S, dv]) },
    keyMask: keyMask && o.reshape(keyMask, [B, S]),
    state,
  };
}

const float = (tf: Tf, x: Tensor): Tensor => (x.dtype === "float32" ? x : tf.cast(x, "float32"));

/** Returns how many keys a block of L rows can reach within a window. */
const reachOf = (T: number, L: number, [left, right]: Window): number => Math.min(T, left + L + Math.min(right, T));

/** Returns the number of splits: enough workgroups to fill a GPU, and at least about 256 keys for each. */
const splitsFor = (heads: number, keys: number): number =>
  Math.max(1, Math.min(Math.ceil(keys / 256), Math.ceil(256 / heads)));
