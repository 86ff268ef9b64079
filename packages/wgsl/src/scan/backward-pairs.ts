import { type Direction, emptyX, load } from "./backward-code.ts";
import { four, main } from "./tile.ts";

/** WGSL `state_of(base, f, e)`: an entry of a state. */
export const loadState: string = `
fn state_of(base: u32, f: u32, e: u32) -> f32 {
  let value = sums[base + min(f, p.r - 1u) * p.w + min(e, p.w - 1u)];
  return select(0.0, value, f < p.r && e < p.w);
}`;

/** The head of a kernel for 64 own tokens and 64 columns. */
export const begin = ({ causal, before }: Direction, columnTiles: string): string => `
${main()}
  let c0 = at % p.${columnTiles} * 64u; at /= p.${columnTiles};
  let tile = p.firstTile + at % p.ownTiles;
  let own = at / p.ownTiles; // the sequence
  let head = own / p.ownPer;
  let start = tile * 64u;
  ${causal ? "let chunk = start / p.chunk;" : ""}
  ${before ? `let slot = head * p.chunks + ${causal ? "chunk" : "0u"};` : ""}
  let row = id / 16u;
  let column = id % 16u;
  var total = array<vec4f, 4>();
  ${four((i) => `let own${i} = own_of(start + row + ${16 * i}u);`)}`;

/** The values of the own tokens of four rows. */
export const ofRows = (x: (own: string) => string): string =>
  `vec4f(${[0, 1, 2, 3].map((i) => x(`own${i}`)).join(", ")})`;
const ofOthers = (x: (other: string) => string, from: string) =>
  `vec4f(${[0, 1, 2, 3].map((j) => x(`other_of(first + ${from} + ${16 * j}u)`)).join(", ")})`;

/** A loop over the tiles of the own chunk that have pairs. `first` is the position of the first other token. */
const eachTile = ({ reversed }: Direction): string =>
  reversed
    ? "for (var first = start; first < min((chunk + 1u) * p.chunk, p.otherAt + p.others); first += 64u)"
    : "for (var first = chunk * p.chunk; first < min(start + 64u, p.otherAt + p.others); first += 64u)";

/** Clears the weights of pairs that are not seen. Absent tokens have `Y = 0` and add nothing. */
const maskPairs = ({ reversed }: Direction) =>
  four(
    (i) =>
      `w[${i}] = select(vec4f(), w[${i}], (vec4u(first + column) + vec4u(0u, 16u, 32u, 48u)) ${reversed ? ">=" : "<="} vec4u(start + row + ${16 * i}u));`,
    4,
  );

/** Adds `w . others` to the total: sixteen others at a time, in turn the first of each four. */
const addPairs = (right: string, add: string) => `
    for (var s = 0u; s < 64u; s += 16u) {
      let other = other_of(first + s + row);
      let values = ${right};
      workgroupBarrier();
      left[column * 17u + row] = vec4f(w[0].x, w[1].x, w[2].x, w[3].x);
      right[row * 17u + column] = values;
      workgroupBarrier();
      ${add}
      ${four((i) => `w[${i}] = w[${i}].yzwx;`, 6)}
    }`;

/** Loads entries of the other tokens, which are read if a kernel computes pairs. */
export const loadOthers = (how: Direction): string =>
  how.causal
    ? load("other_x", "otherX", "p.others", "p.d", emptyX(how)) + load("other_y", "otherY", "p.others", "p.w", "0.0")
    : "";

/**
 * Adds products of own and other tokens to the 64 x 64 numbers `scores`, by the function `add`: of `X` over channels, or of `Y` over
 * columns.
 */
export const products = (of: "x" | "y", scores: string, add = "add_product"): string => `
      for (var n0 = 0u; n0 < ${of === "x" ? "p.d" : "p.w"}; n0 += 16u) {
        let mine = ${ofRows((own) => `own_${of}(own, ${own}, n0 + column)`)};
        let others = ${ofOthers((other) => `other_${of}(seq, ${other}, n0 + column)`, "row")};
        workgroupBarrier();
        left[column * 17u + row] = mine;
        right[column * 17u + row] = others;
        workgroupBarrier();
        ${add}(&${scores}, row, column);
      }`;

/**
 * Adds the pairs of the own chunk to the total. `weigh` computes their weights `w`. `right` are the entries of an other token that
 * they multiply, and `add` is the statement that adds the product.
 */
export const ownChunk = (how: Direction, weigh: string, right: string, add: string): string => `
  ${eachTile(how)} {
    for (var g = 0u; g < p.otherPer; g++) {
      let seq = head * p.otherPer + g;
      var w = array<vec4f, 4>();
      ${weigh}
      ${maskPairs(how)}
      ${addPairs(right, add)}
    }
  }`;
