import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { example } from "./example.ts";

const streaming = example("node-streaming");

const row = /^(\S+)\s+softmax (\S+) \((\d+) bytes\)\s+logsumexp (\S+) \((\d+) bytes\)/;
const parse = (line: string) => {
  const [, word, softmax, softmaxBytes, logsumexp, logsumexpBytes] = row.exec(line)!;
  return { word: word!, guesses: [softmax!, logsumexp!], bytes: [Number(softmaxBytes), Number(logsumexpBytes)] };
};

/** Returns the words that followed `word` most often, by counting. */
function mostFrequent(words: readonly string[], word: string): string[] {
  const counts = new Map<string, number>();
  for (const [t, next] of words.entries()) if (words[t - 1] === word) counts.set(next, (counts.get(next) ?? 0) + 1);
  return [...counts].filter(([, n]) => n === Math.max(...counts.values())).map(([next]) => next);
}

test("both heads guess the word that followed most often; one state grows, the other does not", async () => {
  const rows = (await streaming.run("main.js")).map(parse);
  const words = rows.map(({ word }) => word);
  expect(words.length).toBeGreaterThan(40);
  for (const [t, { word, guesses, bytes }] of rows.entries()) {
    const isNew = words.indexOf(word) === t;
    for (const guess of guesses) expect(isNew ? ["?"] : mostFrequent(words.slice(0, t + 1), word)).toContain(guess);
    // d = 64 channels of 4 bytes: k and v of every token; m, z and s of shapes 64, 64 and 64 x 64.
    expect(bytes).toEqual([2 * 64 * 4 * (t + 1), (64 + 64 + 64 * 64) * 4]);
  }
});

test("a row is printed before the next word arrives", async () => {
  const child = streaming.start("main.js", ["-"]);
  const lines = createInterface({ input: child.stdout });
  for (const word of ["one", "two", "one"]) {
    const line = once(lines, "line");
    child.stdin.write(`${word} `);
    expect(parse((await line)[0]).word).toBe(word);
  }
  child.stdin.end();
  expect((await once(child, "close"))[0]).toBe(0);
});

test("more words than channels are refused", async () => {
  const child = streaming.start("main.js", ["-"]);
  child.stdin.end(Array.from({ length: 65 }, (_, i) => `w${i}`).join(" "));
  child.stdout.resume();
  let err = "";
  child.stderr.on("data", (text) => {
    err += text;
  });
  expect((await once(child, "close"))[0]).toBe(1);
  expect(err).toContain('This example knows 64 different words; "w64" is one more.');
});
