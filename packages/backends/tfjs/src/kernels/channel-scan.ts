import type { Block, Result, Shape, Tensors } from "@attnkit/core";
import { Remembered } from "@attnkit/core/backend";
import { alignPositions, type Call, everyRowSeesAllKeys } from "@attnkit/core/program";
import type { Tensor } from "../tf.ts";
import { type Dispatch, dispatch, grid } from "./dispatch.ts";
import { type Gpu, output } from "./gpu.ts";

/**
 * A mechanism in which each channel attends on its own. Its state holds, per channel, a largest exponent m and sums
 * scaled by exp(-m) (MATH 1.4). In WGSL these are `x[0]` and `x[1..]` of a private array `x`. One thread processes the
 * tokens of a chunk for one channel.
 */
export interface ChannelScan {
  readonly name: string;
  /**
   * The state's entries in the order of `x`, with their numbers per channel. The first entry is the exponent, one
   * number.
   */
  readonly entries: readonly (readonly [name: string, numbers: number])[];
  /**
   * WGSL functions: `exponent(k: f32) -> f32` returns the exponent of a key. `absorb(k: f32, v: f32, weight: f32)` adds
   * a token to `x[1..]`. `answer(q: f32) -> vec2f` returns y and lse from `x`; `p.none` is the logarithm of 0. q and k
   * are clamped to `-clip..clip` before.
   */
  readonly wgsl: string;
  readonly clip: number;
}

/** The number of tokens per thread. States between chunks are then few compared with the tokens. */
const CHUNK = 64;
const THREADS = 64;
/** `EMPTY` of core: smaller than every exponent, and finite because WGSL may assume that there are no infinities. */
const EMPTY = "-1e30";

/** `y`, `lse` where asked for, and the state after the block: two dispatches for one token, three for any number. */
export function channelScan(gpu: Gpu, scan: ChannelScan, block: Block<Tensor>, call: Call): Result<Tensor> {
  const { dims, shapes, causal } = call;
  const { B, Hq, Hkv, L, S, d } = dims;
  const channels = B * Hkv * d;
  const numbers = scan.entries.reduce((n, [, size]) => n + size, 0);
  const whole = everyRowSeesAllKeys(L, S, causal);
  const at = alignPositions(L, S, causal);
  const chunks = Math.ceil((whole ? S : at.length) / CHUNK);
  const own = { q: block.q, k: block.k, v: block.v };
  const keep: Record<string, Tensor> = block.keyMask ? { keep: block.keyMask } : {};
  const past: Tensors<Tensor> = Object.fromEntries(
    scan.entries.flatMap(([name]) => (block.state?.[name] ? [[`past_${name}`, block.state[name]]] : [])),
  );
  const entry = (n: number): Shape => [B, Hkv, n, d];
  const next = Object.fromEntries(scan.entries.map(([name, n]) => [`next_${name}`, output(gpu, entry(n))]));
  const y = output(gpu, shapes.q);
  const lse: Record<string, Tensor> = call.lse ? { lse: output(gpu, shapes.q) } : {};
  const common: Pick<Dispatch, "sizes" | "floats"> = {
    sizes: { L, S, d, channels, chunks, heads: Hkv, groups: Hq / Hkv, atQ: at.q, atK: whole ? 0 : at.k },
    floats: { clip: scan.clip, none: Number.NEGATIVE_INFINITY },
  };
  const text = texts(scan, Object.keys(past).length > 0, block.keyMask !== undefined, call.lse);
  const run = (name: string, threads: number, d: Pick<Dispatch, "code" | "inputs" | "outputs">) =>
    dispatch(gpu, {
      ...common,
      ...d,
      name: `${scan.name} ${name}`,
      workgroups: grid(gpu, Math.ceil(threads / THREADS)),
    });
  const state = () => Object.fromEntries(scan.entries.map(([name]) => [name, next[`next_${name}`]!]));
  const rows = { y, ...lse };

  if (whole && chunks === 1) {
    const after = output(gpu, [numbers, channels]);
    run("fold", channels, { code: text.fold, inputs: { k: own.k, v: own.v, ...keep, ...past }, outputs: { after } });
    const threads = channels * Math.max(1, Math.ceil(L / CHUNK));
    run("read", threads, { code: text.readAndKeep, inputs: { q: own.q, after }, outputs: { ...rows, ...next } });
    return { ...rows, state: state() };
  }
  // Slot i holds the state before chunk i. The last slot holds the state after all chunks.
  const slots = output(gpu, [chunks + 1, numbers, channels]);
  run("totals", channels * chunks, {
    ...{ code: text.totals, inputs: { k: own.k, v: own.v, ...keep }, outputs: { slots } },
  });
  run("scan", channels, { code: text.scan, inputs: past, outputs: { slots, ...next } });
  if (whole) {
    const threads = channels * Math.ceil(L / CHUNK);
    run("read", threads, { code: text.read, inputs: { q: own.q, after: slots }, outputs: rows });
  } else {
    run("rows", channels * chunks, {
      ...{ code: text.rows, inputs: { ...own, ...keep, slots }, outputs: rows },
    });
  }
  return { ...rows, state: state() };
}

/** Texts of kernels by what they are made of. They go with the scan that they were made for. */
const cache = new WeakMap<ChannelScan, Remembered<string, ReturnType<typeof generate>>>();

function texts(scan: ChannelScan, past: boolean, keep: boolean, lse: boolean): ReturnType<typeof generate> {
  const known = cache.get(scan) ?? new Remembered<string, ReturnType<typeof generate>>(8);
  cache.set(scan, known);
  return known.get(`${past} ${keep} ${lse}`, () => generate(scan, past, keep, lse));
}

function generate({ entries, wgsl }: ChannelScan, past: boolean, keep: boolean, lse: boolean) {
  const numbers = entries.reduce((n, [, size]) => n + size, 0);
  const each = (line: (i: number) => string, from = 0) =>
    Array.from({ length: numbers - from }, (_, i) => line(i + from)).join(" ");
  /** Maps number i of a state to number j of an entry `[B, Hkv, n, d]`. */
  const inEntry = (line: (name: string, i: number, at: string) => string) => {
    let i = 0;
    return entries
      .flatMap(([name, n]) => Array.from({ length: n }, (_, j) => line(name, i++, `(head * ${n}u + ${j}u) * p.d + c`)))
      .join(" ");
  };
  const state = `
    var<private> x: array<f32, ${numbers}>;
    fn clear() { x[0] = ${EMPTY}; ${each((i) => `x[${i}] = 0.0;`, 1)} }
    fn rescale(top: f32) { let f = exp(x[0] - top); x[0] = top; ${each((i) => `x[${i}] *= f;`, 1)} }`;
  const thread = `
    @compute @workgroup_size(${THREADS})
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
      let id = (group.x + group.y * groups.x) * ${THREADS}u + lane;
      let channel = id % p.channels;
      let chunk = id / p.channels;
      let head = channel / p.d;
      let c = channel % p.d;`;
  const token = `
    fn take(head: u32, c: u32, j: u32) {
      ${keep ? "if (keep[head / p.heads * p.S + j] == 0) { return; }" : ""}
      let at = (head * p.S + j) * p.d + c;
      let key = limited(k[at], -p.clip, p.clip);
      let own = exponent(key);
      rescale(max(x[0], own));
      absorb(key, v[at], exp(own - x[0]));
    }`;
  const answer = `
    fn give(head: u32, c: u32, i: u32) {
      for (var g = 0u; g < p.groups; g++) {
        let at = ((head * p.groups + g) * p.L + i) * p.d + c;
        let row = answer(limited(q[at], -p.clip, p.clip));
        y[at] = row.x; ${lse ? "lse[at] = row.y;" : ""}
      }
    }`;
  const load = (from: string, slot: string) =>
    each((i) => `x[${i}] = ${from}[(${slot} * ${numbers}u + ${i}u) * p.channels + channel];`);
  const store = (to: string, slot: string) =>
    each((i) => `${to}[(${slot} * ${numbers}u + ${i}u) * p.channels + channel] = x[${i}];`);
  const loadPast = past ? inEntry((name, i, at) => `x[${i}] = past_${name}[${at}];`) : "clear();";
  const storeNext = inEntry((name, i, at) => `next_${name}[${at}] = x[${i}];`);
  const queries = `for (var i = chunk * ${CHUNK}u; i < min(chunk * ${CHUNK}u + ${CHUNK}u, p.L); i++) { give(head, c, i); }`;
  return {
    fold: `${state}${wgsl}${token}${thread}
      if (chunk > 0u) { return; }
      ${loadPast}
      for (var j = 0u; j < p.S; j++) { take(head, c, j); }
      ${store("after", "0u")}
    }`,
    readAndKeep: `${state}${wgsl}${answer}${thread}
      ${load("after", "0u")}
      if (chunk == 0u) { ${storeNext} }
      ${queries}
    }`,
    totals: `${state}${wgsl}${token}${thread}
      if (chunk >= p.chunks) { return; }
      clear();
      // Positions of the common axis of queries and keys; key j stands at atK + j.
      let first = max(chunk * ${CHUNK}u, p.atK) - p.atK;
      let end = min(max((chunk + 1u) * ${CHUNK}u, p.atK) - p.atK, p.S);
      for (var j = first; j < end; j++) { take(head, c, j); }
      ${store("slots", "(chunk + 1u)")}
    }`,
    scan: `${state}${thread}
      if (chunk > 0u) { return; }
      ${loadPast}
      for (var i = 0u; i < p.chunks; i++) {
        ${store("slots", "i")}
        let at = (i + 1u) * ${numbers}u * p.channels + channel;
        let own = slots[at];
        rescale(max(x[0], own));
        let f = exp(own - x[0]);
        ${each((i) => `x[${i}] += f * slots[at + ${i}u * p.channels];`, 1)}
      }
      ${store("slots", "p.chunks")}
      ${storeNext}
    }`,
    read: `${state}${wgsl}${answer}${thread}
      ${load("after", "p.chunks")}
      ${queries}
    }`,
    rows: `${state}${wgsl}${token}${answer}${thread}
      if (chunk >= p.chunks) { return; }
      ${load("slots", "chunk")}
      for (var at = chunk * ${CHUNK}u; at < (chunk + 1u) * ${CHUNK}u; at++) {
        if (at >= p.atK && at - p.atK < p.S) { take(head, c, at - p.atK); }
        if (at >= p.atQ && at - p.atQ < p.L) { give(head, c, at - p.atQ); }
      }
    }`,
  };
}
