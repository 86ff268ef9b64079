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
export const EMPTY = "-1e30";

/** The properties of a call that change the text of its kernels. */
export interface ChannelFacts {
  /** The call continues a state. */
  readonly past: boolean;
  readonly keyMask: boolean;
  readonly lse: boolean;
  /** The state after the block is written. */
  readonly keeps: boolean;
}

/** An entry of the state. `xs` are its numbers in the array `x`, the first of which is `x[from]`. */
export interface Entry {
  readonly name: string;
  readonly from: number;
  readonly xs: readonly string[];
}

/** Pieces of WGSL of which the kernels of a scan consist. */
export interface ChannelParts {
  readonly layout: readonly Entry[];
  /** The numbers of all entries. */
  readonly numbers: number;
  /** Declares `x`, `clear`, `rescale` and the functions of the mechanism. */
  readonly state: string;
  /** The head of `main`: `channel` is that of a key head `head`, `c` that within the head; `chunk` counts threads per channel. */
  readonly thread: string;
  /** Declares `take`, which adds key j to `x`. */
  readonly token: string;
  /** Declares `give`, which answers query i of all heads of a key head from `x`. */
  readonly answer: string;
  /** Reads `x` from a slot of `[slots, numbers, channels]`. */
  load(from: string, slot: string): string;
  store(to: string, slot: string, from?: number): string;
  /** Reads the numbers of an entry `[B, Hkv, numbers, d]` of the state before or after. */
  get(from: "past" | "next"): (entry: Entry) => string;
  /** Writes those of the state after. */
  put(entry: Entry): string;
}

export function partsOf({ entries, wgsl }: ChannelScan, { keyMask, lse }: ChannelFacts): ChannelParts {
  const layout = placed(entries);
  const numbers = layout.reduce((n, { xs }) => n + xs.length, 0);
  const each = (line: (i: number) => string, from = 0) =>
    Array.from({ length: numbers - from }, (_, i) => line(i + from)).join(" ");
  const at = ({ xs }: Entry, j: number) => `(head * ${xs.length}u + ${j}u) * p.d + c`;
  const inSlot = (slot: string, i: number) => `(${slot} * ${numbers}u + ${i}u) * p.channels + channel`;
  return {
    layout,
    numbers,
    state: `
    var<private> x: array<f32, ${numbers}>;
    fn clear() { x[0] = ${EMPTY}; ${each((i) => `x[${i}] = 0.0;`, 1)} }
    fn rescale(top: f32) { let f = exp(x[0] - top); x[0] = top; ${each((i) => `x[${i}] *= f;`, 1)} }
    ${wgsl}`,
    thread: `
    @compute @workgroup_size(${THREADS})
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
      let id = (group.x + group.y * groups.x) * ${THREADS}u + lane;
      let channel = id % p.channels;
      let chunk = id / p.channels;
      let head = channel / p.d;
      let c = channel % p.d;`,
    token: `
    fn present(head: u32, j: u32) -> bool { return ${keyMask ? "bool(keyMask_at(head / p.heads * p.S + j))" : "true"}; }
    fn take(head: u32, c: u32, j: u32) {
      if (!present(head, j)) { return; }
      let at = (head * p.S + j) * p.d + c;
      let key = limited(k_at(at), -p.clip, p.clip);
      let own = exponent(key);
      rescale(max(x[0], own));
      absorb(key, v_at(at), exp(own - x[0]));
    }`,
    answer: `
    fn give(head: u32, c: u32, i: u32) {
      for (var g = 0u; g < p.groups; g++) {
        let at = ((head * p.groups + g) * p.L + i) * p.d + c;
        let row = answer(limited(q_at(at), -p.clip, p.clip));
        y_put(at, row.x); ${lse ? "lse_put(at, row.y);" : ""}
      }
    }`,
    load: (from, slot) => each((i) => `x[${i}] = ${from}_at(${inSlot(slot, i)});`),
    store: (to, slot, from) => each((i) => `${to}_put(${inSlot(slot, i)}, x[${i}]);`, from),
    get: (from) => (entry) => entry.xs.map((x, j) => `${x} = ${from}_${entry.name}_at(${at(entry, j)});`).join(" "),
    put: (entry) => entry.xs.map((x, j) => `next_${entry.name}_put(${at(entry, j)}, ${x});`).join(" "),
  };
}

function placed(entries: ChannelScan["entries"]): readonly Entry[] {
  let next = 0;
  return entries.map(([name, size]) => {
    const from = next;
    next += size;
    return { name, from, xs: Array.from({ length: size }, (_, j) => `x[${from + j}]`) };
  });
}
