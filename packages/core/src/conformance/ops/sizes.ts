import type { Shape } from "../../program/ops.ts";

// Sizes for the laws of operations, as text: a table that a formatter would spread over hundreds of lines.

const shape = (text: string): number[] => (text === "-" ? [] : text.split(",").map(Number));
const lines = (table: string): string[][] =>
  table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/ +/));

/** Two shapes that broadcast; `-` is the shape of a scalar. */
export const pairs: readonly (readonly [Shape, Shape])[] = lines(`
  3,5        3,5
  -          -
  4          -
  4          2,3,4
  3,3        3,1
  2,3,4      2,1,4
  2,1,5      3,1
  1,3        3,1
  2,1,3,1,2  1,2,1,2,1
  1          129
  65,33      33
  2,1,2,2    -
  2,1,3,1,2,2  3,1,1,1
  0,3        1,3
  2,0        2,1`).map(([a, b]) => [shape(a!), shape(b!)]);

/** A mask and two choices. */
export const triples: readonly (readonly [Shape, Shape, Shape])[] = lines(`
  3,5        3,5        3,5
  5          3,5        3,5
  3,1        3,5        3,5
  3,5        5          3,1
  2,1,4      3,1        1
  1          2,3        2,1
  2,2,1,1,3  2,1,2,2,1  3
  2,1,1,2,1,3  2,1,2,1  3
  33,65      -          65
  0,3        1,3        3`).map(([m, a, b]) => [shape(m!), shape(a!), shape(b!)]);

/** A shape, and what it becomes. */
export const reshapes: readonly (readonly [Shape, Shape])[] = lines(`
  2,6        3,4
  2,3,4      -1,4
  2,3,4      6,-1
  1          -
  -          1,1
  2,3,4      2,1,3,2,2
  0,3        3,0
  2,0,4      0
  5,13       65
  2,3,2,2,2  4,3,4
  2,3,4      2,1,3,1,2,2
  2,0,4      -1,4`).map(([from, to]) => [shape(from!), shape(to!)]);

/** A shape, and the order of its axes. */
export const perms: readonly (readonly [Shape, readonly number[]])[] = lines(`
  2,3          1,0
  3,3          1,0
  2,3,3        0,2,1
  2,3,4        0,-1,-2
  2,3,4        0,2,1
  2,3,4        2,0,1
  2,3,4        1,2,0
  2,3,4,5      0,2,1,3
  2,3,4,5      3,1,0,2
  2,3,4        2,1,0
  2,3,4        1,0,2
  2,3,4        0,1,2
  2,3,4,5      0,1,3,2
  2,3,4,5      0,3,1,2
  2,3,4,5      2,3,0,1
  2,3,1,2,3    0,1,3,2,4
  2,3,2,2,3    4,0,3,1,2
  2,1,3,2,2,2  0,1,3,2,4,5
  2,1,3,2,2,2  1,2,0,4,5,3
  65,33        1,0
  3,0,2        2,0,1
  7            0`).map(([s, perm]) => [shape(s!), shape(perm!)]);

/** A shape, an axis, start and end. */
export const slices: readonly (readonly [Shape, number, number, number])[] = lines(`
  5          0   1   4
  3,4        -1  0   2
  3,4,2      1   3   4
  3,4,2      -3  1   3
  2,3,4,5    -2  1   2
  2,3,4,5    -1  1   3
  3,4        0   0   3
  3,4        0   2   2
  2,0,3      1   0   0
  3,4        1   0   0
  3,4        0   3   3
  2,129      1   64  129
  2,2,3,2,3  2   1   3
  2,1,2,3,1,2  3  1  3`).map(([s, axis, start, end]) => [shape(s!), Number(axis), Number(start), Number(end)]);

/** An axis, and the shapes to join. */
export const concats: readonly (readonly [number, ...Shape[]])[] = lines(`
  0   2,3        1,3
  -1  2,3        2,1        2,4
  1   2,3,2      2,1,2
  -2  2,1,3,2    2,1,2,2
  0   3
  0   2,3        0,3        1,3
  0   1,3        0,3        2,3   1,3
  -2  2,0,3      2,0,3
  1   2,64       2,1
  -1  2,1,2,2,1  2,1,2,2,3
  3   2,1,1,2,1,2  2,1,1,1,1,2
  0   1  1  1  2  1  1  1  1  1  1  2  1`).map(([axis, ...shapes]) => [Number(axis), ...shapes.map(shape)]);

/** A shape, an axis, and the entries to take. */
export const takes: readonly (readonly [Shape, number, readonly number[]])[] = lines(`
  5          0   4,0,0,2
  3,4        -1  0,0,3,2,1,0
  3,4,2      1   2
  2,3,4      -3  1,0,1
  2,3,4,5    -2  3,3,3
  2,3,4,5    -1  4,0,2
  3,4        0   2,1,0
  2,4        1   -
  2,3,1,2,2  1   2,0
  2,1,2,3,1,2  3  2,0
  300        0   299,0,255,256`).map(([s, axis, indices]) => [shape(s!), Number(axis), shape(indices!)]);

/** A shape, and the axis to reduce. */
export const reductions: readonly (readonly [Shape, number])[] = lines(`
  5          0
  3,4        0
  3,4        -1
  2,3,4      1
  2,3,4      -3
  2,3,4,2    -2
  2,1,3      1
  2,2,3,2,2  2
  127        0
  2,129      -1
  65,3       0
  3,64       1
  256        0
  300,2      1
  2,3,2,2    1
  3,2,2,2    0
  2,1,2,3,1,2  3
  2,1025     1
  0,3        1
  2,0,3      1
  0          0`).map(([s, axis]) => [shape(s!), Number(axis)]);

/** Both operands of a product: inner sizes beside the edges of tiles, batches that broadcast either way. */
export const products: readonly (readonly [Shape, Shape])[] = lines(`
  2,3        3,4
  1,1        1,1
  2,3,4      2,4,2
  3,4        2,4,2
  2,3,4      4,2
  2,1,3,2    3,2,4
  1,2,3,2    2,1,2,2
  2,1,2,2,3  1,2,2,3,2
  1,5        5,1
  3,65       65,2
  17,33      33,15
  65,16      16,129
  2,128      128,3
  2,257      257,2
  2,64       64,3
  64,33      33,64
  2,600      600,3
  300,2      2,3
  66,1,2     66,2,2
  3,4        2,2,4,2
  2,2,3,4    4,2
  2,3,4      2,2,4,3
  2,1,1,2,2,3  1,2,1,1,3,2
  1,31       31,64
  2,2,17,8   2,1,8,17
  3,0        0,2
  0,3        3,2
  2,3        3,0
  0,2,3      0,3,2
  2,0,2,3    1,3,4`).map(([a, b]) => [shape(a!), shape(b!)]);
