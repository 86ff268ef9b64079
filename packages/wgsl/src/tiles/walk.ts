import { loaders, type Shapes, storer, visibility } from "./pairs.ts";
import { butterfly, lines, quads } from "./tile.ts";
import { sumsOf, type Weights } from "./weights.ts";

/**
 * How a workgroup walks over keys for a few rows: `threads / lanes` groups of threads each take keys of their own, four at
 * a time, with their own running sums in registers. The loop has no barrier. The sums meet once, after it.
 */
export interface Walk {
  readonly threads: number;
  /** The threads that share a key: they split the channels of its value. A power of two, at most `threads`. */
  readonly lanes: number;
  /** The least number of keys of a workgroup. More keys are split over several. */
  readonly keys: number;
}

/** The most rows of a walk. Each row of a key head needs registers for its sums. */
export const MOST_ROWS = 4;
/** Workgroup memory that every device has, in bytes. */
const MEMORY = 16384;

/** Returns the number of rows that the text of a kernel holds: a power of two, so that there are few texts. */
export const rowsOfWalk = (rows: number): number => 2 ** Math.ceil(Math.log2(rows));

/** Sizes of a walk in workgroup memory, which it never exceeds. */
function memoryOf({ threads, lanes }: Walk, rows: number, { d, dv }: Pick<Shapes, "d" | "dv">) {
  const groups = threads / lanes;
  const vectors = Math.ceil(quads(dv) / lanes);
  const left = MEMORY - 16 * rows * quads(d) - 8 * rows * groups;
  return { groups, vectors, round: Math.min(rows * vectors, Math.floor(left / (16 * threads))) };
}

/** The properties of a call that change the text of its kernel. */
export interface Text {
  readonly shapes: Shapes;
  readonly weights: Weights;
  /** True if the kernel writes `lse`: of softmax the logarithm of the normaliser, of sums the number of keys. */
  readonly lse: boolean;
  /** True if the keys are split over workgroups, whose outputs `combine` merges. */
  readonly parted: boolean;
  /**
   * The number of neighbouring threads that exchange numbers by shuffles, a power of two. It is 1 without subgroups: every
   * thread of a walk then computes whole products.
   */
  readonly subgroup: number;
}

/** Generates the kernel of a walk for a number of rows, which share every key that is read. */
export function walkCode({ shapes, weights, lse, parted, subgroup }: Text, walk: Walk, rows: number): string {
  const { d, dv } = shapes;
  const { threads, lanes } = walk;
  const { groups, vectors, round } = memoryOf(walk, rows, shapes);
  const sums = sumsOf(weights, shapes, vectors, parted);
  const softmax = weights.kind === "softmax";
  const near = Math.min(subgroup, lanes);
  const each = (line: (i: number) => string) => lines(rows, line);
  const key = (n: number) => `j.${"xyzw"[n]}`;

  return `
  var<workgroup> queries: array<vec4f, ${rows * quads(d)}>;
  var<workgroup> beside: array<vec2f, ${rows * groups}>;
  var<workgroup> parts: array<vec4f, ${round * threads}>;
  ${visibility(shapes)}
  ${loaders(shapes)}
  ${storer("store_y", "y", "p.rows", dv)}
  ${weights.wgsl}

  @compute @workgroup_size(${threads})
  fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) thread: u32) {
    let task = group.x + group.y * workgroups.x;
    if (task >= p.tasks) { return; }
    let head = task % p.heads;
    let split = task / p.heads;
    let range = reach_of_block(0u, p.rows);
    let share = (max(range.y, range.x) - range.x + p.splits - 1u) / p.splits;
    let start = range.x + split * share;
    let end = min(range.y, start + share);
    let lane = thread % ${lanes}u;
    let own = thread / ${lanes}u;
    for (var x = thread; x < ${rows * quads(d)}u; x += ${threads}u) {
      queries[x] = load_q(head, x / ${quads(d)}u, x % ${quads(d)}u);
    }
    ${each((i) => `let row_${i} = row_of(head, ${i}u);`)}
    ${each((i) => sums.start(i))}
    workgroupBarrier();

    for (var left = start; left < end; left += ${4 * groups}u) {
      let j = left + own + vec4u(0u, ${groups}u, ${2 * groups}u, ${3 * groups}u);
      ${each((i) => `var s_${i} = vec4f();`)}
      for (var c = ${near === 1 ? "0u" : `lane % ${near}u`}; c < ${quads(d)}u; c += ${near}u) {
        ${lines(4, (n) => `let k${n} = load_k(head, ${key(n)}, c);`)}
        ${each((i) => `let q${i} = queries[${i * quads(d)}u + c]; s_${i} += vec4f(dot(q${i}, k0), dot(q${i}, k1), dot(q${i}, k2), dot(q${i}, k3));`)}
      }
      ${each((i) => butterfly(`s_${i}`, near, (a, b) => `${a} + ${b}`))}
      ${each((i) => sums.score(i, "end") + sums.top(i) + sums.add(i))}
      ${lines(
        vectors,
        (m) => `{
        ${lines(4, (n) => `let v${n} = load_v(head, ${key(n)}, lane + ${m * lanes}u);`)}
        ${each((i) => `o_${i}_${m} += w_${i}.x * v0 + w_${i}.y * v1 + w_${i}.z * v2 + w_${i}.w * v3;`)}
      }`,
      )}
    }

    // The sums of all groups, each relative to its own maximum.
    if (lane == 0u) { ${each((i) => `beside[${i * groups}u + own] = vec2f(l_${i}, ${softmax ? `m_${i}` : "0.0"});`)} }
    workgroupBarrier();
    ${each((i) => `let own_${i} = ${softmax ? `m_${i}` : "0.0"};`)}
    ${softmax ? `for (var g = 0u; g < ${groups}u; g++) { ${each((i) => `m_${i} = max(m_${i}, beside[${i * groups}u + g].y);`)} }` : ""}
    ${each((i) => `l_${i} = 0.0;`)}
    for (var g = 0u; g < ${groups}u; g++) {
      ${each((i) => `{ let other = beside[${i * groups}u + g]; l_${i} += other.x${softmax ? ` * exp(max(other.y - m_${i}, -1000.0))` : ""}; }`)}
    }
    ${each((i) => `let part_${i} = ${sums.factor(i)}${softmax ? ` * exp(max(own_${i} - m_${i}, -1000.0))` : ""};`)}
    let out = split * p.heads + head;
    ${rounds(
      rows * vectors,
      round,
      (z, at) =>
        `parts[${at * threads}u + thread] = o_${Math.floor(z / vectors)}_${z % vectors} * part_${Math.floor(z / vectors)};`,
      (first, n) => `
    for (var x = thread; x < ${n * lanes}u; x += ${threads}u) {
      let z = x / ${lanes}u;
      var sum = vec4f();
      for (var g = 0u; g < ${groups}u; g++) { sum += parts[z * ${threads}u + g * ${lanes}u + x % ${lanes}u]; }
      store_y(out, (${first}u + z) / ${vectors}u, (${first}u + z) % ${vectors}u * ${lanes}u + x % ${lanes}u, sum);
    }`,
    )}
    ${lse ? each((i) => `if (thread == ${i}u && ${i}u < p.rows) { lse_put(out * p.rows + ${i}u, ${sums.beside(i)}); }`) : ""}
  }`;
}

/** WGSL that puts n vectors of every thread into workgroup memory, `most` at a time, and then calls `read`. */
function rounds(
  n: number,
  most: number,
  put: (z: number, at: number) => string,
  read: (first: number, n: number) => string,
): string {
  return lines(Math.ceil(n / most), (turn) => {
    const first = turn * most;
    const now = Math.min(most, n - first);
    return `
    ${turn > 0 ? "workgroupBarrier();" : ""}
    ${lines(now, (z) => put(first + z, z))}
    workgroupBarrier();
    ${read(first, now)}`;
  });
}
