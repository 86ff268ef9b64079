/**
 * Products of tiles: 64 x 64 by 256 invocations, 16 deep at a time. An entry of `left` or `right` holds four rows or
 * columns at distance 16: t, t + 16, t + 32, t + 48. Neighbouring invocations then read neighbouring memory for any
 * width. Lines have 17 entries, so that writes along the depth use all banks of workgroup memory.
 */
export const tiles: string = `
var<workgroup> left: array<vec4f, 272>;
var<workgroup> right: array<vec4f, 272>;

fn add_product(sums: ptr<function, array<vec4f, 4>>, row: u32, column: u32) {
  for (var n = 0u; n < 16u; n++) {
    let x = left[n * 17u + row];
    let y = right[n * 17u + column];
    ${four((i) => `(*sums)[${i}] += x[${i}] * y;`, 4)}
  }
}
`;

/**
 * Returns WGSL that writes `x` and `y` into the tiles and adds their product by the statement `add`. An invocation writes four
 * rows of the left tile at depth `column`, and four columns of the right tile at depth `row`, or at depth `column` if `alike`.
 */
export const multiply = (x: string, y: string, add: string, alike = false): string => `workgroupBarrier();
    left[column * 17u + row] = ${x};
    right[${alike ? "column * 17u + row" : "row * 17u + column"}] = ${y};
    workgroupBarrier();
    ${add}`;

/** Returns four lines of WGSL, one per row or column of an invocation. */
export function four(line: (i: number) => string, indent = 2): string {
  return [0, 1, 2, 3].map(line).join(`\n${" ".repeat(indent)}`);
}

/** Returns a `vec4f` of `at(t)`, `at(t + 16)`, `at(t + 32)` and `at(t + 48)`. `t` is the name of a variable. */
export const gather = (at: (t: string) => string, t = "t"): string =>
  `vec4f(${[t, `${t} + 16u`, `${t} + 32u`, `${t} + 48u`].map(at).join(", ")})`;

/**
 * Returns the head of a kernel with `p.groups` workgroups. `at` is the workgroup's index, `id` the invocation's index
 * within it.
 */
export const main = (size = 256): string => `
@compute @workgroup_size(${size})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) id: u32,
) {
  var at = group.x + group.y * groups.x;
  if (at >= p.groups) { return; }`;
