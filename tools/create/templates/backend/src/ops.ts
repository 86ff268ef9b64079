import type { EagerOps } from "@attnkit/core/program";
import { missing } from "./missing.ts";
import type { Tensor } from "./tensor.ts";

/**
 * The operations, in the order in which to write them. `EagerOps` in `@attnkit/core/program` documents each of them.
 * The functions that messages name are in `@attnkit/core/backend`: they return the shape of a result, and refuse wrong
 * arguments by a sentence. No operation changes its arguments. A negative axis counts from the end.
 */
export const ops: EagerOps<Tensor> = {
  dtype: "float32",
  shape: (x) => x.shape,

  constant: () => missing("constant(data, shape)", "a float tensor of this shape with these numbers, row-major"),

  add: () => missing("add(a, b)", "a + b, a float tensor. A number is a scalar. Shape: broadcastShape of both"),
  sub: () => missing("sub(a, b)", "a - b, a float tensor. A number is a scalar. Shape: broadcastShape of both"),
  mul: () => missing("mul(a, b)", "a * b, a float tensor. A number is a scalar. Shape: broadcastShape of both"),
  div: () => missing("div(a, b)", "a / b, a float tensor. A number is a scalar. Shape: broadcastShape of both"),
  maximum: () => missing("maximum(a, b)", "the larger of a and b, NaN if one is NaN. Shape: broadcastShape of both"),
  minimum: () => missing("minimum(a, b)", "the smaller of a and b, NaN if one is NaN. Shape: broadcastShape of both"),
  where: () =>
    missing(
      "where(mask, a, b)",
      "a where mask is true or not 0, else b. It selects: NaN that is not chosen does not leak. Shape: broadcastShape of the three",
    ),
  exp: () => missing("exp(x)", "e to the power x, of the shape of x"),
  log: () => missing("log(x)", "the natural logarithm of x, of the shape of x"),
  tanh: () => missing("tanh(x)", "the hyperbolic tangent of x, of the shape of x"),

  reshape: () =>
    missing(
      "reshape(x, shape)",
      "the same values in row-major order, also booleans. One axis may be -1. Shape: reshapeShape",
    ),
  transpose: () =>
    missing(
      "transpose(x, perm)",
      "x with its axes permuted, also booleans: axis i of the result is axis perm[i] of x, [L, d] -> [d, L] for [1, 0]. Shape: transposeShape",
    ),
  slice: () =>
    missing(
      "slice(x, axis, start, end)",
      "the entries start <= i < end of one axis, also booleans: [L, d] -> [end - start, d] for axis 0. Shape: sliceShape",
    ),
  concat: () =>
    missing(
      "concat(xs, axis)",
      "the tensors joined along one axis, also booleans: [P, d] and [S, d] -> [P + S, d] for axis 0. Shape: concatShape",
    ),
  take: () =>
    missing(
      "take(x, axis, indices)",
      "the entries indices of one axis in that order, repeats allowed, also booleans: [L, d] -> [indices.length, d] for axis 0. Shape: takeShape",
    ),

  sum: () =>
    missing(
      "sum(x, axis)",
      "the sum over one axis, which stays with size 1: [L, d] -> [L, 1] for axis -1. A sum of nothing is 0. Shape: reduceShape",
    ),
  max: () =>
    missing(
      "max(x, axis)",
      "the maximum over one axis, which stays with size 1: [L, d] -> [L, 1] for axis -1. A maximum of nothing is -Infinity. Shape: reduceShape",
    ),
  cumsum: () => missing("cumsum(x, axis)", "the inclusive running sum along one axis, of the shape of x"),
  matmul: () =>
    missing(
      "matmul(a, b)",
      "the matrix product [.., L, d] x [.., d, S] -> [.., L, S]; leading axes broadcast. Where d is 0 it is 0. Shape: matmulShape",
    ),
};
