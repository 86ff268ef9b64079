/**
 * How a workgroup processes one tile of the score matrix: `rowGroups * columnGroups` threads, each with `rows` rows and
 * 4 columns in registers. Rows of a thread are `rowGroups` apart, columns `columnGroups`, so that neighbouring threads
 * read neighbouring vectors of workgroup memory.
 */
export interface Tile {
  readonly rows: number;
  readonly rowGroups: number;
  readonly columnGroups: number;
  /** The number of channels that are staged in workgroup memory at a time, a multiple of 4. */
  readonly slice: number;
}

/** WGSL and sizes that follow from a tile. */
export interface TileCode {
  readonly threads: number;
  /** Rows and columns of a tile. */
  readonly height: number;
  readonly width: number;
  /** WGSL declarations of workgroup memory, and the thread's row and column group. */
  readonly declarations: string;
  readonly place: string;
  /** Workgroup memory in bytes. */
  readonly bytes: number;
  /** Returns `line(i)` for each row of a thread. */
  each(line: (i: number) => string): string;
  /** `row(i)` is the index of a thread's row i within its tile. `columns` is that of its four columns, a `vec4u`. */
  row(i: number): string;
  readonly columns: string;
  /**
   * Adds `rows . columns` over all `channels` to `into_i`, a `vec4f` with one number per column. `a(item, c)` and
   * `b(item, c)` are WGSL for four channels, from `c`, of a row and of a column of the tile.
   */
  product(into: string, channels: number, a: Load, b: Load): string;
  /** Stores the thread's four weights of row i, for `gather`. */
  put(i: number, weights: string): string;
  /**
   * Adds `weights . values`, over the columns of the tile, to `into_i_n`. Each value has `channels` channels; n counts
   * `vectors`.
   */
  gather(into: string, channels: number, value: Load): string;
  /** Returns how many vectors of four channels a thread sums per row. Its vector n is number `vector(n)` of the row. */
  vectors(channels: number): number;
  vector(n: number): string;
  /**
   * Sets `into_i` to the combination of `from_i` over all threads that share the row. `combine` also takes vectors. It has
   * two barriers, or none if the threads lie in one subgroup.
   */
  reduce(into: string, from: string, combine: (a: string, b: string) => string): string;
}

type Load = (item: string, channel: string) => string;

export const lines = (n: number, line: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => line(i)).join("\n");
export const list = (n: number, term: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => term(i)).join(", ");
/** Returns the number of vectors of four that hold n channels. */
export const quads = (channels: number): number => Math.ceil(channels / 4);

/**
 * Generates the WGSL of a tile. `widest` is the largest number of channels that `gather` processes. `subgroup` is the
 * number of neighbouring threads that exchange numbers by shuffles, a power of two. It is 1 without subgroups.
 */
export function tileCode({ rows, rowGroups, columnGroups, slice }: Tile, widest: number, subgroup = 1): TileCode {
  const threads = rowGroups * columnGroups;
  const [height, width] = [rows * rowGroups, 4 * columnGroups];
  const part = slice / 4;
  // An odd stride, counted in vectors, spreads the columns of neighbouring threads over all banks.
  const stride = part + 1 - (part % 2);
  const stage = Math.max((height + width) * stride, 4 * quads(widest));
  const row = (i: number) => `(down + ${i * rowGroups}u)`;
  const vectors = (channels: number) => Math.ceil(quads(channels) / columnGroups);
  const each = (line: (i: number) => string) => lines(rows, line);

  return {
    threads,
    height,
    width,
    bytes: 16 * (stage + height * columnGroups),
    declarations: `
      var<workgroup> stage: array<vec4f, ${stage}>;
      var<workgroup> weights: array<vec4f, ${height * columnGroups}>;`,
    place: `
      let down = thread / ${columnGroups}u;
      let across = thread % ${columnGroups}u;`,
    each,
    row,
    columns: `(across + vec4u(${list(4, (j) => `${j * columnGroups}`)}))`,
    vectors,
    vector: (n) => `(across + ${n * columnGroups}u)`,

    product(into, channels, a, b) {
      const step = Math.min(part, quads(channels));
      return `
      for (var c = 0u; c < ${quads(channels)}u; c += ${step}u) {
        workgroupBarrier();
        for (var x = thread; x < ${(height + width) * step}u; x += ${threads}u) {
          let item = x / ${step}u;
          let at = item * ${stride}u + x % ${step}u;
          if (item < ${height}u) { stage[at] = ${a("item", `(c + x % ${step}u)`)}; }
          else { stage[at] = ${b(`(item - ${height}u)`, `(c + x % ${step}u)`)}; }
        }
        workgroupBarrier();
        for (var n = 0u; n < ${step}u; n++) {
          ${lines(4, (j) => `let b${j} = stage[(${height}u + across + ${j * columnGroups}u) * ${stride}u + n];`)}
          ${each((i) => `let a${i} = stage[${row(i)} * ${stride}u + n]; ${into}_${i} += vec4f(${list(4, (j) => `dot(a${i}, b${j})`)});`)}
        }
      }`;
    },

    put: (i, w) => `weights[${row(i)} * ${columnGroups}u + across] = ${w};`,

    gather(into, channels, value) {
      const w = quads(channels);
      // The four columns of one thread form a slot.
      const slots = largest(columnGroups, Math.floor(stage / (4 * w)));
      const n = vectors(channels);
      return `
      for (var slot = 0u; slot < ${columnGroups}u; slot += ${slots}u) {
        workgroupBarrier();
        for (var x = thread; x < ${slots * 4 * w}u; x += ${threads}u) {
          let item = x / ${w}u;
          stage[x] = ${value(`(slot + item / 4u + item % 4u * ${columnGroups}u)`, `(x % ${w}u)`)};
        }
        workgroupBarrier();
        for (var s = 0u; s < ${slots}u; s++) {
          ${each((i) => `let w${i} = weights[${row(i)} * ${columnGroups}u + slot + s];`)}
          ${lines(
            n,
            (m) => `{
            let at = s * ${4 * w}u + min(across + ${m * columnGroups}u, ${w - 1}u);
            ${lines(4, (j) => `let v${j} = stage[at + ${j * w}u];`)}
            ${each((i) => `${into}_${i}_${m} += ${Array.from("xyzw", (x, j) => `w${i}.${x} * v${j}`).join(" + ")};`)}
          }`,
          )}
        }
      }`;
    },

    reduce(into, from, combine) {
      const near = Math.min(subgroup, columnGroups);
      const far = columnGroups / near;
      const copied = each((i) => (into === from ? "" : `${into}_${i} = ${from}_${i};`));
      const shuffled = each((i) => butterfly(`${into}_${i}`, near, combine));
      if (far === 1) return copied + shuffled;
      // Numbers of four rows share a vector.
      const packs = Math.ceil(rows / 4);
      const at = (pack: number) => `((down + ${pack * rowGroups}u) * ${far}u)`;
      const four = (pack: number) => list(4, (x) => `${into}_${Math.min(4 * pack + x, rows - 1)}`);
      const whole = (pack: number) => `vec4f(${four(pack)})`;
      return `${copied}${shuffled}
      if (across % ${near}u == 0u) {
        ${lines(packs, (pack) => `weights[${at(pack)} + across / ${near}u] = ${whole(pack)};`)}
      }
      workgroupBarrier();
      ${lines(
        packs,
        (pack) => `{
        var all = weights[${at(pack)}];
        for (var t = 1u; t < ${far}u; t++) { all = ${combine("all", `weights[${at(pack)} + t]`)}; }
        ${lines(Math.min(4, rows - 4 * pack), (x) => `${into}_${4 * pack + x} = all.${"xyzw"[x]};`)}
      }`,
      )}
      workgroupBarrier();`;
    },
  };
}

/**
 * Returns WGSL that replaces `name` by the combination over `n` neighbouring threads of a subgroup. n is a power of two.
 * Threads of a workgroup of one axis fill its subgroups in their order.
 */
export const butterfly = (name: string, n: number, combine: (a: string, b: string) => string): string =>
  lines(Math.log2(n), (step) => `${name} = ${combine(name, `subgroupShuffleXor(${name}, ${2 ** step}u)`)};`);

/** Returns the largest divisor of a power of two `n` that is at most `most`. */
function largest(n: number, most: number): number {
  let d = n;
  while (d > most) d /= 2;
  return d;
}
