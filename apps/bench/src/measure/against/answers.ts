import type { CheckResult } from "@attnkit/measure/results";
import type { Pair } from "./pair.ts";
import type { Answer, Size } from "./protocol.ts";

/**
 * The largest difference between the answers of two builds, as a share of the largest entry of the row. Both answers
 * passed the check against the reference of their build. A larger difference means that the references differ.
 */
const AGREE = 0.01;

/** Throws if a build's answer of a size is wrong, or if the builds' answers differ. */
export async function answersOf(pair: Pair, size: Size): Promise<void> {
  const answers = [await pair[0].answer(size), await pair[1].answer(size)] as const;
  for (const [side, { check }] of answers.entries()) demand(check, side);
  agree(answers, size);
}

/** Throws if a check was not passed. `side` is 0 for this build and 1 for the other one. */
export function demand(check: CheckResult, side: number): void {
  if (check.passed) return;
  const where = `${check.what} check at ${check.size} tokens`;
  throw new Error(`wrong in ${side === 0 ? "this" : "the other"} build: ${where}, ${check.detail ?? "not finite"}`);
}

function agree([own, other]: readonly [Answer, Answer], { what, size }: Size): void {
  const largest = own.row.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const difference = own.row.reduce((most, x, i) => Math.max(most, Math.abs(x - other.row[i]!)), 0);
  if (own.row.length === other.row.length && difference <= AGREE * largest) return;
  const by = `their last rows differ by ${difference.toExponential(2)}, the largest entry is ${largest.toExponential(2)}`;
  throw new Error(`the builds give different answers: ${what} at ${size} tokens, ${by}`);
}
