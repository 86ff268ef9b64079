import { expect, test } from "vitest";
import { example } from "./example.ts";

const speculative = example("speculative-decoding");
const prompt = `this is the house that jack built . this is the malt that lay in the house that jack built . this is the
  rat that ate the malt that lay in the house that jack built . this is the cat that killed the rat that ate the malt that
  lay in the house that jack built . this is the dog that worried the cat`.split(/\s+/);

/** The next word by counting: each earlier word votes with `exp(4 m + 0.01 t)` if m of the 3 words before it match. */
function nextWord(words: readonly string[]): string {
  const votes = new Map<string, number>();
  for (const [t, word] of words.entries()) {
    const matches = [1, 2, 3].filter((n) => t - n >= 0 && words[t - n] === words[words.length - n]).length;
    votes.set(word, (votes.get(word) ?? 0) + Math.exp(4 * matches + 0.01 * t));
  }
  return [...votes].reduce((best, vote) => (vote[1] > best[1] ? vote : best))[0];
}

test("says what counting says, with fewer calls of the target", async () => {
  const lines = await speculative.run("main.js");
  const words = prompt.slice();
  while (words.length < prompt.length + 40) words.push(nextWord(words));
  expect(lines).toContain(`text: ${words.slice(prompt.length).join(" ")}`);
  expect(lines).toContain("the target alone says the same");
  const [together, alone] = /(\d+); alone: (\d+)/.exec(lines.at(-1)!)!.slice(1).map(Number);
  expect(alone).toBe(40);
  expect(together).toBeLessThan(20);
  // Some proposals were rejected, so that the target went back to an earlier state.
  const proposed = lines.filter((line) => line.startsWith("proposed"));
  expect(proposed.some((line) => line.includes("accepted: nothing"))).toBe(true);
});
