/** A small experiment for the tests of `attnkit reproduce`. What it does is written in environment variables. */
import { appendFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { uniforms } from "@attnkit/measure/random";
import type { Claim, Experiment, Params } from "@attnkit/papers";

const { MADE_DELAY = "0", MADE_FAIL = "", MADE_LOG } = process.env;

const base: Omit<Claim, "name" | "sentence" | "rule" | "cells" | "measure" | "judge"> = {
  paper: { arxiv: "0000.00001v1", title: "On <made> things", authors: "A. Nobody", year: 2026 },
  where: "Section 1",
  deviations: ["There is no paper."],
  figures: (table) => [
    {
      name: "rise",
      caption: "The mean rises with n.",
      panels: [
        {
          x: { label: "n", scale: "log" },
          y: { label: "y", scale: "log" },
          series: [
            {
              name: "y",
              points: table.distinct<number>("n").map((n) => {
                const { mean: y, low, high } = table.where({ n }).spread("y");
                return { x: n, y, low, high };
              }),
            },
          ],
          guides: [{ slope: 1, label: "slope 1" }],
        },
      ],
    },
  ],
};

/** Writes when a cell runs, and fails where a test wants it. */
async function cell(claim: string, { n }: Params, seed: number, signal: AbortSignal): Promise<void> {
  const say = (what: string) => MADE_LOG && appendFileSync(MADE_LOG, `${what} ${claim}\n`);
  say("begin");
  await setTimeout(Number(MADE_DELAY), undefined, { signal });
  say("end");
  if (MADE_FAIL === "throw" && n === 4 && seed === 102) throw new Error("n = 4 is <unlucky>");
  // A rejection that nobody handles ends the process with a stack on standard error.
  if (MADE_FAIL === "crash" && n === 4 && seed === 102) {
    void Promise.reject(new Error("nobody handles this"));
    await setTimeout(1000);
  }
  if (MADE_FAIL === "die" && n === 4 && seed === 102) process.kill(process.pid, "SIGKILL");
}

const rises: Claim = {
  ...base,
  name: "rises",
  sentence: "y grows with n.",
  rule: "Supported if the mean at n = 8 exceeds that at n = 2.",
  cells: (size) => (size === "full" ? [2, 4, 8, 16] : [2, 4, 8]).map((n) => ({ n })),
  async measure(params, { seed, signal, progress }) {
    progress(0.5);
    await cell("rises", params, seed, signal);
    const n = Number(params.n);
    return { y: n + uniforms(seed)() / 3, diverges: n === 8 && seed === 103 ? Number.NaN : 1 / n };
  },
  judge(table) {
    const [low, high] = [2, 8].map((n) => table.where({ n }).spread("y").mean) as [number, number];
    return { ruling: high > low ? "supported" : "not supported", measured: `y is ${low} at 2 and ${high} at 8.` };
  },
};

const alone: Claim = {
  ...rises,
  ...{ name: "alone", alone: true, seeds: 4, figures: () => [] },
  sentence: "y falls with n.",
  rule: "Supported if the mean at n = 2 exceeds that at n = 8.",
  async measure(params, { seed, signal }) {
    await cell("alone", params, seed, signal);
    return { y: Number(params.n) + seed };
  },
  judge: () => ({ ruling: "not supported", measured: "y rises." }),
};

export const made: readonly Experiment[] = [{ name: "made", summary: "Does y grow?", claims: [rises, alone] }];
