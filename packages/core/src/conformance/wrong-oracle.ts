import type { Lab } from "./lab.ts";
import { allowance } from "./tolerance.ts";

/** How many budgets apart is more than rounding. */
const MORE_THAN_ROUNDING = 10;

/**
 * Compares program and reference in the simplest call: one head, four tokens, no mask, not causal.
 * @returns a sentence if every entry of y is further off than rounding explains, undefined otherwise.
 */
export async function wrongOracle(lab: Lab): Promise<string | undefined> {
  const block = lab.draw({ B: 1, Hq: 1, Hkv: 1, L: 4, S: 4 });
  const { y } = await lab.run(lab.attention(), block);
  const { y: expected, scale, terms } = lab.oracle(block, false);
  const far = (x: number, i: number) =>
    !(Math.abs(x - expected.data[i]!) <= MORE_THAN_ROUNDING * allowance(lab.backend.dtype, terms, scale.data[i]!));
  if (!y.data.every(far)) return undefined;
  return (
    `The program of ${lab.mechanism.name} and its reference disagree in all ${y.data.length} entries of the simplest call` +
    " (one head, four tokens, no mask). Is the reference that of another mechanism, or made with other options?"
  );
}
