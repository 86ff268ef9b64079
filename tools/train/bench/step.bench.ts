/**
 * One training step of the two models of `models.ts` on every backend for Node with gradients, one thread, interleaved.
 * `npx vitest bench --project node tools/train/bench` prints the median wall-clock time and the median CPU time of a step.
 * On a machine that others use too, only the CPU time can be compared.
 */
import { backends } from "@attnkit/catalog";
import { polynomial } from "@attnkit/polynomial";
import { softmax } from "@attnkit/softmax";
import { trainer } from "@attnkit/train";
import { bench, describe } from "vitest";
import { language, languageBatch, vision, visionBatch } from "./models.ts";

const NAMES = ["ort-cpu", "tfjs-wasm", "cpu"];
const ROUNDS = 3;
const models = [
  ["vision, softmax", () => vision(softmax()), visionBatch()],
  ["vision, polynomial s^3", () => vision(polynomial({ power: 3 })), visionBatch()],
  ["language, causal softmax", () => language(softmax()), languageBatch()],
] as const;

const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)]!;
const opened = await Promise.all(NAMES.map((name) => backends.find((b) => b.name === name)!.create({ threads: 1 })));

describe("training step", () => {
  for (const [label, options, batch] of models) {
    bench(
      label,
      async () => {
        const made = opened.map((backend) => trainer(backend, options()));
        const times = NAMES.map(() => ({ wall: [] as number[], cpu: [] as number[], loss: Number.NaN }));
        for (let round = -1; round < ROUNDS; round++)
          for (const [i, t] of made.entries()) {
            const [start, before] = [performance.now(), process.cpuUsage()];
            const { loss } = await t.step(batch);
            const { user, system } = process.cpuUsage(before);
            times[i]!.loss = loss;
            if (round < 0) continue; // the first step records or compiles
            times[i]!.wall.push(performance.now() - start);
            times[i]!.cpu.push((user + system) / 1000);
          }
        for (const t of made) t.dispose();
        const spread = Math.max(...times.map((t) => t.loss)) - Math.min(...times.map((t) => t.loss));
        if (!(spread < 1e-2)) throw new Error(`${label}: the losses differ by ${spread}, which is over 0.01.`);
        for (const [i, { wall, cpu }] of times.entries())
          console.log(
            `${label}, ${NAMES[i]}: ${median(wall).toFixed(1)} ms, CPU ${median(cpu).toFixed(1)} ms, least ${Math.min(...cpu).toFixed(1)} ms`,
          );
      },
      { iterations: 1, time: 0, warmupIterations: 0, warmupTime: 0 },
    );
  }
});
