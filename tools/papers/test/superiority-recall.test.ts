/** Associative recall by trained mechanisms, and by ones that are broken on purpose. */
import { polynomial } from "@attnkit/polynomial";
import { expect, test, vi } from "vitest";
import type { Params, Table } from "../src/index.ts";
import { recall } from "../src/superiority/recall.ts";
import { recallBatches } from "../src/superiority/recall-data.ts";
import { RECALLERS, type Recaller } from "../src/superiority/recall-mechanisms.ts";
import { measured, tableOf } from "./superiority-table.ts";

vi.setConfig({ testTimeout: 120_000 });

/** The softmax, one linear attention and the control: the fewest mechanisms that a verdict needs. */
const few: Readonly<Record<string, Recaller>> = Object.fromEntries(
  ["softmax", "polynomial 3", "polynomial 2", "logsumexp", "linear elu1"].map((name) => [name, RECALLERS[name]!]),
);
const ends = ({ n }: Params) => n === 8 || n === 32;
const right = await measured(recall(few), { picked: ends });

/** The table with the cells of one mechanism measured again, with another mechanism in its place. */
async function planted(name: string, other: Recaller): Promise<Table> {
  const claim = recall({ ...few, [name]: other });
  const again = await measured(claim, { picked: (params) => ends(params) && params.mechanism === name });
  return tableOf([...right.rows.filter(({ params }) => params.mechanism !== name), ...again.rows]);
}

test("softmax recalls and linear attention does not", () => {
  expect(recall().judge(right)).toMatchObject({ ruling: "supported" });
  expect(recall().figures(right)[0]!.panels[0]!.series).toHaveLength(5);
});

test("softmax without its exponential is not supported", async () => {
  const table = await planted("softmax", RECALLERS["polynomial 1"]!);
  expect(recall().judge(table)).toMatchObject({ ruling: "not supported" });
});

test("a polynomial whose degree is too low fails the control", async () => {
  const lower = polynomial({ power: 1, form: "quadratic" });
  const table = await planted("polynomial 3", { ...RECALLERS["polynomial 3"]!, mechanism: lower });
  expect(recall().judge(table)).toMatchObject({ ruling: "not decidable at this size" });
});

test("a run is stopped between steps, and an unknown mechanism is refused", async () => {
  const context = {
    seed: 1,
    size: "default" as const,
    progress: () => {},
    signal: AbortSignal.abort(new Error("stop")),
  };
  await expect(recall().measure({ mechanism: "softmax", n: 8 }, context)).rejects.toThrow("stop");
  await expect(recall().measure({ mechanism: "sofmax", n: 8 }, context)).rejects.toThrow("no mechanism sofmax");
});

test("every query is one of the keys of its sequence, and its target the value of that key", () => {
  const { q, k, v, target } = recallBatches(8, 5)(4);
  for (let s = 0; s < 4; s++)
    for (let i = 0; i < 4; i++) {
      const query = [...q!.data.subarray((4 * s + i) * 16, (4 * s + i + 1) * 16)];
      const key = (j: number) => [...k!.data.subarray((8 * s + j) * 16, (8 * s + j + 1) * 16)];
      const found = [0, 1, 2, 3, 4, 5, 6, 7].filter((j) => key(j).every((x, c) => x === query[c]));
      expect(found).toHaveLength(1);
      const value = v!.data.subarray((8 * s + found[0]!) * 8, (8 * s + found[0]! + 1) * 8);
      expect([...target!.data.subarray((4 * s + i) * 8, (4 * s + i + 1) * 8)]).toEqual([...value]);
    }
  expect(recallBatches(8, 5)(4)).toEqual({ q, k, v, target });
});
