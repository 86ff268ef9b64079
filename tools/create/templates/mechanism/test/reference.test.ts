import assert from "node:assert/strict";
import { test } from "node:test";
import type { Head } from "@attnkit/core/program";
import { myMechanismReference } from "../src/reference.ts";

/** One head of two tokens, where row i sees keys 0..i. */
const head: Head = {
  q: [[0], [2]],
  k: [[3], [Math.log(3) / 2]],
  v: [
    [10, 1],
    [4, 0],
  ],
  visible: (i, j) => j <= i,
  bias: () => 0,
  position: (i) => i,
};

test("the reference gives the numbers of a calculation by hand", () => {
  const { y } = myMechanismReference()(head);
  const first = 1 / (1 + Math.exp(-6));
  assert.deepEqual(y[0], [5, 0.5]); // a score of 0 has the weight 1/2
  assert.ok(Math.abs(y[1]![0]! - (first * 10 + 0.75 * 4)) < 1e-12); // a score of log 3 has the weight 3/4
});

test("an offset is added to the score", () => {
  const { y } = myMechanismReference({ offset: Math.log(3) })(head);
  assert.ok(Math.abs(y[0]![0]! - 7.5) < 1e-12);
});

test("a row that sees no key is 0", () => {
  const { y } = myMechanismReference()({ ...head, visible: () => false });
  assert.deepEqual(y, [
    [0, 0],
    [0, 0],
  ]);
});
