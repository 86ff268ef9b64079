import { Remembered } from "@attnkit/core/backend";

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
export const CHUNK = 64;
export const THREADS = 64;
/** `EMPTY` of core: smaller than every exponent, and finite because WGSL may assume that there are no infinities. */
const EMPTY = "-1e30";

/** The properties of a call that change the text of its kernels. */
export interface ChannelFacts {
  /** The call continues a state. */
  readonly past: boolean;
  readonly keyMask: boolean;
  readonly lse: boolean;
  /** The state after the block is written. */
  readonly keeps: boolean;
}

/** The WGSL of each kernel of a scan. */
export type ChannelCode = Readonly<
  Record<"fold" | "read" | "foldAndRead" | "totals" | "scan" | "readLast" | "rows" | "rowsOfOneChunk", string>
>;

/** Texts of kernels by the facts that they depend on. They go with the scan that they were made for. */
const cache = new WeakMap<ChannelScan, Remembered<string, ChannelCode>>();

/**
 * Returns the WGSL of the kernels of a scan. `fold` reads all keys of one chunk, `read` answers from what it wrote, and
 * `foldAndRead` does both without writing. `totals` reads the keys of each chunk, `scan` adds the totals up, and
 * `rows` or `readLast` answers. `rowsOfOneChunk` answers a single chunk that continues nothing.
 */
export function channelCode(scan: ChannelScan, facts: ChannelFacts): ChannelCode {
  const known = cache.get(scan) ?? new Remembered<string, ChannelCode>(16);
  cache.set(scan, known);
  return known.get(Object.values(facts).join(), () => generate(scan, facts));
}

function generate({ entries, wgsl }: ChannelScan, { past, keyMask, lse, keeps }: ChannelFacts): ChannelCode {
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
      ${keyMask ? "if (!bool(keyMask_at(head / p.heads * p.S + j))) { return; }" : ""}
      let at = (head * p.S + j) * p.d + c;
      let key = limited(k_at(at), -p.clip, p.clip);
      let own = exponent(key);
      rescale(max(x[0], own));
      absorb(key, v_at(at), exp(own - x[0]));
    }`;
  const answer = `
    fn give(head: u32, c: u32, i: u32) {
      for (var g = 0u; g < p.groups; g++) {
        let at = ((head * p.groups + g) * p.L + i) * p.d + c;
        let row = answer(limited(q_at(at), -p.clip, p.clip));
        y_put(at, row.x); ${lse ? "lse_put(at, row.y);" : ""}
      }
    }`;
  const load = (from: string, slot: string) =>
    each((i) => `x[${i}] = ${from}_at((${slot} * ${numbers}u + ${i}u) * p.channels + channel);`);
  const store = (to: string, slot: string) =>
    each((i) => `${to}_put((${slot} * ${numbers}u + ${i}u) * p.channels + channel, x[${i}]);`);
  const loadPast = past ? inEntry((name, i, at) => `x[${i}] = past_${name}_at(${at});`) : "clear();";
  const storeNext = keeps ? inEntry((name, i, at) => `next_${name}_put(${at}, x[${i}]);`) : "";
  const queries = `for (var i = chunk * ${CHUNK}u; i < min(chunk * ${CHUNK}u + ${CHUNK}u, p.L); i++) { give(head, c, i); }`;
  const rows = (start: string) => `${state}${wgsl}${token}${answer}${thread}
      if (chunk >= p.chunks) { return; }
      ${start}
      for (var at = chunk * ${CHUNK}u; at < (chunk + 1u) * ${CHUNK}u; at++) {
        if (at >= p.atK && at - p.atK < p.S) { take(head, c, at - p.atK); }
        if (at >= p.atQ && at - p.atQ < p.L) { give(head, c, at - p.atQ); }
      }
    }`;
  return {
    fold: `${state}${wgsl}${token}${thread}
      if (chunk > 0u) { return; }
      ${loadPast}
      for (var j = 0u; j < p.S; j++) { take(head, c, j); }
      ${store("after", "0u")}
    }`,
    read: `${state}${wgsl}${answer}${thread}
      ${load("after", "0u")}
      ${keeps ? `if (chunk == 0u) { ${storeNext} }` : ""}
      ${queries}
    }`,
    foldAndRead: `${state}${wgsl}${token}${answer}${thread}
      clear();
      for (var j = 0u; j < p.S; j++) { take(head, c, j); }
      ${queries}
    }`,
    totals: `${state}${wgsl}${token}${thread}
      if (chunk >= p.summed) { return; }
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
      for (var i = 0u; i < p.summed; i++) {
        ${store("slots", "i")}
        let at = (i + 1u) * ${numbers}u * p.channels + channel;
        let own = slots_at(at);
        rescale(max(x[0], own));
        let f = exp(own - x[0]);
        ${each((i) => `x[${i}] += f * slots_at(at + ${i}u * p.channels);`, 1)}
      }
      ${store("slots", "p.summed")}
      ${storeNext}
    }`,
    readLast: `${state}${wgsl}${answer}${thread}
      ${load("slots", "p.summed")}
      ${queries}
    }`,
    rows: rows(load("slots", "chunk")) as string,
    rowsOfOneChunk: rows("clear();") as string,
  };
}
