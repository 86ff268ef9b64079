import { broadcastLoops, elementCount, matmulShape } from "@attnkit/core/backend";
import type { EagerOps } from "@attnkit/core/program";
import type { GpuTensor } from "../tensor.ts";
import { begin, beginElement, type Gpu, type Kernel, numberAt, run, THREADS } from "./gpu.ts";
import { filled, walk } from "./pointwise.ts";
import { sumOfParts } from "./reductions.ts";

/** The rows and columns of the tile of a workgroup: 8 x 8 threads compute 4 x 4 elements each, in registers. */
const TILE = 32;
/** The entries of the inner axis that a workgroup holds at a time. */
const DEPTH = 16;
/** The longest inner axis that one thread adds up where it computes one element. */
const PART = 256;

/** Returns `matmul`. Leading axes broadcast by strides of 0. */
export const products = (gpu: Gpu): Pick<EagerOps<GpuTensor>, "matmul"> => ({
  matmul(a, b) {
    const shape = matmulShape(gpu.memory.own(a).shape, gpu.memory.own(b).shape);
    const [m, k, n] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
    const total = elementCount(shape);
    if (k === 0 || total === 0) return filled(gpu, 0, shape);
    const batch = broadcastLoops(shape.slice(0, -2), [a.shape.slice(0, -2), b.shape.slice(0, -2)]);
    const tiled = Math.min(m, n) >= TILE / 2;
    const parts = tiled ? 1 : Math.ceil(k / PART);
    const out = gpu.memory.make(parts === 1 ? shape : [parts, ...shape]);
    const [stepsA, stepsB] = batch.steps as [readonly number[], readonly number[]];
    const { lines, sizes } = walk(
      batch,
      [
        { at: "at_a", start: 0, steps: stepsA.map((step) => step * m * k) },
        { at: "at_b", start: 0, steps: stepsB.map((step) => step * k * n) },
      ],
      "batch",
    );
    const code = lines.map((line) => `  ${line}\n`).join("");
    const common = { inputs: { a, b }, outputs: { y: out }, sizes: { m, k, n_columns: n, ...sizes } };
    run(gpu, tiled ? byTiles(common, code, a, b, total / (m * n)) : byElements(common, code, a, b, total, parts));
    return parts === 1 ? out : sumOfParts(gpu, out);
  },
});

type Common = Pick<Kernel, "inputs" | "outputs" | "sizes">;

/** A thread computes one element, or its part of the inner axis: for few rows or columns. */
function byElements(common: Common, offsets: string, a: GpuTensor, b: GpuTensor, total: number, parts: number): Kernel {
  const threads = total * parts;
  return {
    ...common,
    name: "matmul",
    code: `${beginElement}
  let element = i % p.elements;
  let column = element % p.n_columns;
  let row = element / p.n_columns % p.m;
  let batch = element / (p.n_columns * p.m);
${offsets}
  let start = i / p.elements * ${PART}u;
  var total = 0.0;
  for (var j = start; j < min(start + ${PART}u, p.k); j++) {
    total = fma(${numberAt("a", a, "at_a + row * p.k + j")}, ${numberAt("b", b, "at_b + j * p.n_columns + column")}, total);
  }
  y[i] = total;
}`,
    sizes: { n: threads, elements: total, ...common.sizes },
    groups: Math.ceil(threads / THREADS),
  };
}

/** A workgroup computes a tile. Both factors go through workgroup memory, as vectors of four rows of a and four columns of b. */
function byTiles(common: Common, offsets: string, a: GpuTensor, b: GpuTensor, batch: number): Kernel {
  const [rows, columns] = [common.sizes!.m!, common.sizes!.n_columns!].map((size) => Math.ceil(size / TILE)) as [
    number,
    number,
  ];
  const tiles = batch * rows * columns;
  const four = [0, 1, 2, 3];
  const vectors = TILE / 4;
  return {
    ...common,
    name: "matmul of tiles",
    code: `
var<workgroup> tile_a: array<vec4f, ${DEPTH * vectors}>;
var<workgroup> tile_b: array<vec4f, ${DEPTH * vectors}>;
fn of_a(at: u32, row: u32, j: u32) -> f32 {
  if (row >= p.m || j >= p.k) { return 0.0; }
  return ${numberAt("a", a, "at + row * p.k + j")};
}
fn of_b(at: u32, j: u32, column: u32) -> f32 {
  if (column >= p.n_columns || j >= p.k) { return 0.0; }
  return ${numberAt("b", b, "at + j * p.n_columns + column")};
}
${begin}
  if (group >= p.n) { return; }
  let first_column = group % p.columns * ${TILE}u;
  let first_row = group / p.columns % p.rows * ${TILE}u;
  let batch = group / (p.columns * p.rows);
${offsets}
  let lane_row = lane / ${vectors}u;
  let lane_column = lane % ${vectors}u;
${four.map((r) => `  var sum${r} = vec4f();\n`).join("")}
  for (var start = 0u; start < p.k; start += ${DEPTH}u) {
    for (var t = lane; t < ${DEPTH * vectors}u; t += ${THREADS}u) {
      // Neighbouring threads read neighbouring elements of both factors.
      let j = t % ${DEPTH}u;
      let row = first_row + t / ${DEPTH}u * 4u;
      tile_a[j * ${vectors}u + t / ${DEPTH}u] = vec4f(${four.map((r) => `of_a(at_a, row + ${r}u, start + j)`).join(", ")});
      let column = first_column + t % ${vectors}u * 4u;
      tile_b[t] = vec4f(${four.map((c) => `of_b(at_b, start + t / ${vectors}u, column + ${c}u)`).join(", ")});
    }
    workgroupBarrier();
    for (var j = 0u; j < ${DEPTH}u; j++) {
      let row = tile_a[j * ${vectors}u + lane_row];
      let column = tile_b[j * ${vectors}u + lane_column];
${four.map((r) => `      sum${r} = fma(vec4f(row[${r}]), column, sum${r});\n`).join("")}
    }
    workgroupBarrier();
  }
  let row = first_row + lane_row * 4u;
  let column = first_column + lane_column * 4u;
${four.map((r) => `  store(batch, row + ${r}u, column, sum${r});\n`).join("")}
}
fn store(batch: u32, row: u32, column: u32, values: vec4f) {
  if (row >= p.m) { return; }
  let at = (batch * p.m + row) * p.n_columns + column;
${four.map((c) => `  if (column + ${c}u < p.n_columns) { y[at + ${c}u] = values[${c}]; }\n`).join("")}
}`,
    sizes: { n: tiles, rows, columns, ...common.sizes },
    groups: tiles,
  };
}
