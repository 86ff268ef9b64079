import { expect, test } from "vitest";
import { measure, sides } from "../bench/softmax.ts";

/** Below this the readable backend would no longer be a fair baseline for the others; measured: see bench/. */
const TIMES_FASTER = 5;

test("softmax attention out of single operations is far faster than on tfjs-backend-cpu, with the same answer", async ({
  annotate,
}) => {
  const { ours, theirs } = sides();
  const [got, expected] = [ours.run(), theirs.run()];
  expect(got.length).toBe(expected.length);
  const worst = got.reduce((w, x, i) => Math.max(w, Math.abs(x - expected[i]!)), 0);
  expect(worst).toBeLessThan(1e-5);
  const { a, b } = measure(ours, theirs, 3);
  const report = `${ours.name} ${a.toFixed(1)} ms, ${theirs.name} ${b.toFixed(1)} ms: ${(b / a).toFixed(1)} times faster`;
  await annotate(report); // shown by --reporter=verbose
  expect(b / a, report).toBeGreaterThan(TIMES_FASTER);
}, 120_000);
