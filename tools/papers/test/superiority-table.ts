import { mean, sampleStandardDeviation } from "simple-statistics";
import type { Claim, Params, Row, Size, Spread, Table, Verdict } from "../src/index.ts";

/** A table in memory, with the interval of one to three seeds. */
export function tableOf(rows: readonly Row[]): Table {
  const where = (wanted: Params) =>
    tableOf(rows.filter(({ params }) => Object.entries(wanted).every(([name, value]) => params[name] === value)));
  const values = (column: string) => {
    const found = rows.map((row) => row.values[column]);
    if (found.length === 0 || found.some((x) => x === undefined)) throw new Error(`no values of ${column}`);
    return found as number[];
  };
  return {
    rows,
    where,
    values,
    spread(column): Spread {
      const all = values(column);
      const n = all.length;
      const deviation = n > 1 ? sampleStandardDeviation(all) : 0;
      const half = (([0, 0, 12.706, 4.303][n] ?? 2.776) * deviation) / Math.sqrt(n);
      return { n, mean: mean(all), deviation, low: mean(all) - half, high: mean(all) + half };
    },
    distinct: <T extends string | number | boolean>(param: string) => [
      ...new Set(rows.map(({ params }) => params[param] as T)),
    ],
  };
}

/** Runs the cells of a claim that `picked` keeps, with seeds 1 .. `seeds`. */
export async function measured(
  claim: Claim,
  { seeds = 1, size = "default" as Size, picked = (_: Params): boolean => true } = {},
): Promise<Table> {
  const rows: Row[] = [];
  for (const params of claim.cells(size).filter(picked))
    for (let seed = 1; seed <= seeds; seed++) {
      const context = { seed, size, signal: new AbortController().signal, progress: () => {} };
      rows.push({ params, seed, values: await claim.measure(params, context) });
    }
  return tableOf(rows);
}

export async function verdictOf(claim: Claim, options: Parameters<typeof measured>[1] = {}): Promise<Verdict> {
  return claim.judge(await measured(claim, options));
}
