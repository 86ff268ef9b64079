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

/** The number of chunks whose totals a thread reads at once, to wait for memory once. */
const AHEAD = 8;
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
  /** The state after the block is stored in halves. Its exponent is then rounded before the sums are scaled by it. */
  readonly half: boolean;
}

/** The WGSL of each kernel of a scan. */
export type ChannelCode = Readonly<
  Record<
    | ("decode" | "decodeState" | "decodeRows" | "fold" | "read" | "foldAndRead")
    | ("totals" | "scan" | "readLast" | "rows" | "rowsOfOneChunk"),
    string
  >
>;

/** Texts of kernels by the facts that they depend on. They go with the scan that they were made for. */
const cache = new WeakMap<ChannelScan, Remembered<string, ChannelCode>>();

/**
 * Returns the WGSL of the kernels of a scan. `decode` takes one token. `decodeState` and `decodeRows` do the same in two
 * dispatches, because one kernel would need more buffers than every device can bind: the first writes all entries of the
 * state but the last, the second writes the last and answers. `fold` reads all keys of one chunk, `read` answers from what it wrote, and
 * `foldAndRead` does both without writing. `totals` reads the keys of each chunk, `scan` adds the totals up, and
 * `rows` or `readLast` answers. `rowsOfOneChunk` answers a single chunk that continues nothing.
 */
export function channelCode(scan: ChannelScan, facts: ChannelFacts): ChannelCode {
  const known = cache.get(scan) ?? new Remembered<string, ChannelCode>(16);
  cache.set(scan, known);
  return known.get(Object.values(facts).join(), () => generate(scan, facts));
}

function generate({ entries, wgsl }: ChannelScan, facts: ChannelFacts): ChannelCode {
  const { past, keyMask, lse, keeps, half } = facts;
  const layout = placed(entries);
  const numbers = layout.reduce((n, { size }) => n + size, 0);
  const [first, last] = [layout[0]!, layout.at(-1)!];
  const each = (line: (i: number) => string, from = 0) =>
    Array.from({ length: numbers - from }, (_, i) => line(i + from)).join(" ");
  /** Writes one line per number of an entry `[B, Hkv, size, d]`. */
  const inEntry = ({ name, size, from }: Entry, line: (name: string, i: number, at: string) => string) =>
    Array.from({ length: size }, (_, j) => line(name, from + j, `(head * ${size}u + ${j}u) * p.d + c`)).join(" ");
  const state = `
    var<private> x: array<f32, ${numbers}>;
    fn clear() { x[0] = ${EMPTY}; ${each((i) => `x[${i}] = 0.0;`, 1)} }
    fn rescale(top: f32) { let f = exp(x[0] - top); x[0] = top; ${each((i) => `x[${i}] *= f;`, 1)} }
    ${half ? STORABLE : ""}`;
  const thread = `
    @compute @workgroup_size(${THREADS})
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
      let id = (group.x + group.y * groups.x) * ${THREADS}u + lane;
      let channel = id % p.channels;
      let chunk = id / p.channels;
      let head = channel / p.d;
      let c = channel % p.d;`;
  const token = `
    fn present(head: u32, j: u32) -> bool { return ${keyMask ? "bool(keyMask_at(head / p.heads * p.S + j))" : "true"}; }
    fn take(head: u32, c: u32, j: u32) {
      if (!present(head, j)) { return; }
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
  const store = (to: string, slot: string, from = 0) =>
    each((i) => `${to}_put((${slot} * ${numbers}u + ${i}u) * p.channels + channel, x[${i}]);`, from);
  /** An exponent that was stored in halves may be -Infinity. */
  const given = (name: string, i: number, at: string) =>
    i === 0 ? `x[0] = limited(past_${name}_at(${at}), ${EMPTY}, 1e30);` : `x[${i}] = past_${name}_at(${at});`;
  const put = (name: string, i: number, at: string) => `next_${name}_put(${at}, x[${i}]);`;
  const next = (name: string, i: number, at: string) =>
    i === 0 ? `x[0] = limited(next_${name}_at(${at}), ${EMPTY}, 1e30);` : `x[${i}] = next_${name}_at(${at});`;
  const loadPast = past ? layout.map((e) => inEntry(e, given)).join(" ") : "clear();";
  const storable = half ? "rescale(storable(x[0]));" : "";
  const storeNext = keeps ? `${storable} ${layout.map((e) => inEntry(e, put)).join(" ")}` : "";
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
    decode: `${state}${wgsl}${token}${answer}${thread}
      if (chunk > 0u) { return; }
      ${loadPast}
      take(head, c, 0u);
      ${storeNext}
      give(head, c, 0u);
    }`,
    // `fresh` is the token as it enters the state: its key and value, the factor of the past, and its weight, -1 if absent.
    decodeState: `${state}${wgsl}${token}${thread}
      if (chunk > 0u) { return; }
      clear();
      ${
        past
          ? layout
              .slice(0, -1)
              .map((e) => inEntry(e, given))
              .join(" ")
          : ""
      }
      let before = x[0];
      let key = limited(k_at(channel), -p.clip, p.clip);
      take(head, c, 0u);
      ${storable}
      let weight = select(-1.0, exp(exponent(key) - x[0]), present(head, 0u));
      fresh_put4(channel, vec4f(key, v_at(channel), exp(before - x[0]), weight));
      ${layout
        .slice(0, -1)
        .map((e) => inEntry(e, put))
        .join(" ")}
    }`,
    decodeRows: `${state}${wgsl}${answer}${thread}
      if (chunk > 0u) { return; }
      let fresh = fresh_at4(channel);
      clear();
      ${past ? inEntry(last, (name, i, at) => `x[${i}] = past_${name}_at(${at}) * fresh.z;`) : ""}
      if (!(fresh.w == -1.0)) { absorb(fresh.x, fresh.y, fresh.w); }
      ${inEntry(last, put)}
      ${layout
        .slice(0, -1)
        .map((e) => inEntry(e, next))
        .join(" ")}
      give(head, c, 0u);
    }`,
    fold: `${state}${wgsl}${token}${thread}
      if (chunk > 0u) { return; }
      ${loadPast}
      for (var j = 0u; j < p.S; j++) { take(head, c, j); }
      ${keeps ? storable : ""}
      ${store("after", "0u")}
    }`,
    read: `${state}${wgsl}${answer}${thread}
      ${load("after", "0u")}
      ${keeps ? `if (chunk == 0u) { ${layout.map((e) => inEntry(e, put)).join(" ")} }` : ""}
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
      tops_put(chunk * p.channels + channel, x[0]);
      ${store("slots", "(chunk + 1u)", 1)}
    }`,
    // One thread per number of a state: it replaces the totals of chunk i, in slot i + 1, by the state before chunk i + 1.
    scan: `${half ? STORABLE : ""}${thread}
      let number = id / p.channels;
      if (number >= ${numbers}u) { return; }
      var top = ${past ? `limited(past_${first.name}_at(head * p.d + c), ${EMPTY}, 1e30)` : EMPTY};
      var sum = 0.0;
      ${
        past
          ? layout
              .slice(1)
              .map((e) => `${within(e)} { sum = past_${e.name}_at(${numberIn(e)}); }`)
              .join("\n      ")
          : ""
      }
      let step = ${numbers}u * p.channels;
      let at = number * p.channels + channel;
      for (var i = 0u; i < p.summed; i += ${AHEAD}u) {
        ${ahead((n) => `let chunk${n} = min(i + ${n}u, p.summed - 1u);`)}
        ${ahead((n) => `let top${n} = tops_at(chunk${n} * p.channels + channel);`)}
        ${ahead((n) => `let total${n} = slots_at((chunk${n} + 1u) * step + at);`)}
        ${ahead(
          (n) => `if (i + ${n}u < p.summed) {
          if (i + ${n}u >= p.firstRead) { slots_put(chunk${n} * step + at, select(sum, top, number == 0u)); }
          let next = max(top, top${n});
          sum = sum * exp(top - next) + total${n} * exp(top${n} - next);
          top = next;
        }`,
        )}
      }
      slots_put(p.summed * step + at, select(sum, top, number == 0u));
      ${
        keeps
          ? `let stored = ${half ? "storable(top)" : "top"};
      if (number == 0u) { next_${first.name}_put(head * p.d + c, stored); }
      ${layout
        .slice(1)
        .map((e) => `${within(e)} { next_${e.name}_put(${numberIn(e)}, sum * exp(top - stored)); }`)
        .join("\n      ")}`
          : ""
      }
    }`,
    readLast: `${state}${wgsl}${answer}${thread}
      ${load("slots", "p.summed")}
      ${queries}
    }`,
    rows: rows(load("slots", "chunk")),
    rowsOfOneChunk: rows("clear();"),
  };
}

/** An entry of the state and the number of the first of its numbers in `x`. */
interface Entry {
  readonly name: string;
  readonly size: number;
  readonly from: number;
}

function placed(entries: ChannelScan["entries"]): readonly Entry[] {
  let from = 0;
  return entries.map(([name, size]) => {
    const entry = { name, size, from };
    from += size;
    return entry;
  });
}

const within = ({ from, size }: Entry) => `if (number >= ${from}u && number < ${from + size}u)`;
const numberIn = ({ from, size }: Entry) => `(head * ${size}u + number - ${from}u) * p.d + c`;
const ahead = (line: (n: number) => string) => Array.from({ length: AHEAD }, (_, n) => line(n)).join("\n        ");

/** The exponent that a half stores, or the exponent itself where a half would be infinite: then all sums are 0. */
const STORABLE = `
    fn storable(top: f32) -> f32 { return select(halves_of(word_of(vec2f(top, 0.0))).x, top, top < -65504.0); }`;
