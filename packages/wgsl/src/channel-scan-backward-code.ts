import { CHUNK, type ChannelScan, THREADS } from "./channel-scan-code.ts";

/**
 * The gradient of a channel scan. The state of the reversed scan has as many numbers as that of the scan: a largest exponent
 * and sums over rows scaled by its exponential.
 */
export interface ChannelGradient {
  /**
   * WGSL functions. `from_sums(q: f32, g: f32, h: f32) -> vec3f` reads the forward sums `x` and returns the gradient of q, the
   * row's exponent in the reversed scan, and `h - g y`, where g and h are the gradients of y and lse. The exponent is `p_empty`
   * for a row that sees nothing. `absorb_row(q: f32, g: f32, e: f32, weight: f32)` adds a row to `x[1..]`. `from_rows(k: f32, v: f32) -> vec2f`
   * returns the gradients of k and v. q and k are clamped to `-clip..clip` before.
   */
  readonly wgsl: string;
}

/** The properties of a call that change the text of the kernels. */
export interface GradientFacts {
  /** Every row sees all keys. */
  readonly whole: boolean;
  readonly keyMask: boolean;
  readonly lse: boolean;
}

/** The WGSL of each kernel of a gradient. */
export type GradientCode = Readonly<Record<"seeds" | "queries" | "rowTotals" | "rowScan" | "keys", string>>;

/**
 * Returns the WGSL of the kernels. `queries` continues the forward sums before each chunk, and writes dq and `rows`: for each
 * row its exponent, the gradient g of y, and `h - g y`. `rowTotals`, `rowScan` and `keys` are a scan over the rows in reversed
 * order.
 */
export function gradientCode(scan: ChannelScan, { wgsl }: ChannelGradient, facts: GradientFacts): GradientCode {
  const { whole, keyMask, lse } = facts;
  const numbers = scan.entries.reduce((n, [, size]) => n + size, 0);
  const each = (line: (i: number) => string, from = 0) =>
    Array.from({ length: numbers - from }, (_, i) => line(i + from)).join(" ");
  const state = `
    const p_empty = -1e30;
    var<private> x: array<f32, ${numbers}>;
    fn clear() { x[0] = p_empty; ${each((i) => `x[${i}] = 0.0;`, 1)} }
    fn rescale(top: f32) { let f = exp(x[0] - top); x[0] = top; ${each((i) => `x[${i}] *= f;`, 1)} }
    fn limit_of(x: f32) -> f32 { return limited(x, -p.clip, p.clip); }
    /** The gradient of a clamped number. */
    fn unless_clamped(x: f32, g: f32) -> f32 { return select(g, 0.0, abs(x) > p.clip); }
    fn row_index(head: u32, g: u32, i: u32, c: u32) -> u32 { return ((head * p.groups + g) * p.L + i) * p.d + c; }`;
  const thread = `
    @compute @workgroup_size(${THREADS})
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
      let id = (group.x + group.y * groups.x) * ${THREADS}u + lane;
      let channel = id % p.channels;
      let chunk = id / p.channels;
      let head = channel / p.d;
      let c = channel % p.d;
      let size = p.channels * p.groups * p.L;`;
  const load = (from: string, slot: string) =>
    each((i) => `x[${i}] = ${from}[(${slot} * ${numbers}u + ${i}u) * p.channels + channel];`);
  const store = (to: string, slot: string) =>
    each((i) => `${to}[(${slot} * ${numbers}u + ${i}u) * p.channels + channel] = x[${i}];`);
  const present = keyMask ? "keyMask_true(head / p.heads * p.S + j)" : "true";
  const takeKey = `
    fn take_key(head: u32, c: u32, j: u32) {
      if (!(${present})) { return; }
      let at = (head * p.S + j) * p.d + c;
      let key = limit_of(k_at(at));
      let own = exponent(key);
      rescale(max(x[0], own));
      absorb(key, v_at(at), exp(own - x[0]));
    }`;
  const giveRow = `
    fn give_row(head: u32, c: u32, i: u32) {
      let size = p.channels * p.groups * p.L;
      for (var g = 0u; g < p.groups; g++) {
        let at = row_index(head, g, i, c);
        let row = from_sums(limit_of(q_at(at)), seeds[at], ${lse ? "seeds[size + at]" : "0.0"});
        dq[at] = unless_clamped(q_at(at), row.x);
        rows[at] = row.y;
        rows[size + at] = seeds[at];
        rows[2u * size + at] = row.z;
      }
    }`;
  const takeRow = `
    fn take_row(head: u32, c: u32, i: u32) {
      let size = p.channels * p.groups * p.L;
      for (var g = 0u; g < p.groups; g++) {
        let at = row_index(head, g, i, c);
        let own = rows[at];
        if (own <= p_empty) { continue; }
        rescale(max(x[0], own));
        absorb_row(limit_of(q_at(at)), rows[size + at], rows[2u * size + at], exp(own - x[0]));
      }
    }`;
  const giveKey = `
    fn give_key(head: u32, c: u32, j: u32) {
      let at = (head * p.S + j) * p.d + c;
      let found = ${keyMask ? "select(vec2f(), " : ""}from_rows(limit_of(k_at(at)), v_at(at))${keyMask ? `, ${present})` : ""};
      dk[at] = unless_clamped(k_at(at), found.x);
      dv[at] = found.y;
    }`;
  const chunkOf = (n: string) => `for (var at = chunk * ${CHUNK}u; at < min((chunk + 1u) * ${CHUNK}u, ${n}); at++)`;
  const isKey = "at >= p.atK && at - p.atK < p.S";
  const isQuery = "at >= p.atQ && at - p.atQ < p.L";
  return {
    seeds: `${thread}
      if (id >= size) { return; }
      seeds[id] = dy_at(id);
      seeds[size + id] = dlse_at(id);
    }`,
    queries: `${state}${scan.wgsl}${wgsl}${whole ? "" : takeKey}${giveRow}${thread}
      if (chunk * ${CHUNK}u >= ${whole ? "p.L" : `p.chunks * ${CHUNK}u`}) { return; }
      ${
        whole
          ? `${load("slots", "p.summed")}
      ${chunkOf("p.L")} { give_row(head, c, at); }`
          : `${load("slots", "chunk")}
      for (var at = chunk * ${CHUNK}u; at < (chunk + 1u) * ${CHUNK}u; at++) {
        if (${isKey}) { take_key(head, c, at - p.atK); }
        if (${isQuery}) { give_row(head, c, at - p.atQ); }
      }`
      }
    }`,
    rowTotals: `${state}${scan.wgsl}${wgsl}${takeRow}${thread}
      if (chunk >= p.chunks) { return; }
      clear();
      // Positions of the common axis of queries and keys; query i stands at atQ + i.
      let first = max(chunk * ${CHUNK}u, p.atQ) - p.atQ;
      let end = min(max((chunk + 1u) * ${CHUNK}u, p.atQ) - p.atQ, p.L);
      for (var i = first; i < end; i++) { take_row(head, c, i); }
      ${store("left", "chunk")}
    }`,
    // Slot i then holds the sums of the chunks after i, and the last slot those of all.
    rowScan: `${state}${thread}
      if (chunk > 0u) { return; }
      clear();
      for (var n = p.chunks; n > 0u; n--) {
        let at = (n - 1u) * ${numbers}u * p.channels + channel;
        ${each((i) => `let own${i} = left[at + ${i}u * p.channels];`)}
        ${store("left", "(n - 1u)")}
        rescale(max(x[0], own0));
        let f = exp(own0 - x[0]);
        ${each((i) => `x[${i}] += f * own${i};`, 1)}
      }
      ${store("left", "p.chunks")}
    }`,
    keys: `${state}${scan.wgsl}${wgsl}${whole ? "" : takeRow}${giveKey}${thread}
      if (chunk >= p.chunks) { return; }
      ${
        whole
          ? `${load("left", `((p.L + ${CHUNK - 1}u) / ${CHUNK}u)`)}
      ${chunkOf("p.S")} { give_key(head, c, at); }`
          : `${load("left", "chunk")}
      for (var n = ${CHUNK}u; n > 0u; n--) {
        let at = chunk * ${CHUNK}u + n - 1u;
        if (${isQuery}) { take_row(head, c, at - p.atQ); }
        if (${isKey}) { give_key(head, c, at - p.atK); }
      }`
      }
    }`,
  };
}
