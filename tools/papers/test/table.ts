import { mean, sampleStandardDeviation } from "simple-statistics";
import type { Claim, Params, Size } from "../src/experiment.ts";
import type { Row, Table } from "../src/table.ts";

/** Student's t for a two-sided 95 % interval, by degrees of freedom. */
const T: Readonly<Record<number, number>> = { 1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776 };

/** A table in memory. */
export function tableOf(rows: readonly Row[]): Table {
  const matches = (row: Row, where: Params) =>
    Object.entries(where).every(([name, value]) => row.params[name] === value);
  const values = (column: string) =>
    rows.map((row) => {
      const value = row.values[column];
      if (value === undefined) throw new Error(`no column ${column} in ${JSON.stringify(row.params)}`);
      return value;
    });
  return {
    rows,
    where: (where) => tableOf(rows.filter((row) => matches(row, where))),
    values(column) {
      if (rows.length === 0) throw new Error(`no rows for ${column}`);
      return values(column);
    },
    spread(column) {
      const xs = this.values(column);
      const m = mean([...xs]);
      const deviation = xs.length > 1 ? sampleStandardDeviation([...xs]) : 0;
      const half = xs.length > 1 ? (T[xs.length - 1]! * deviation) / Math.sqrt(xs.length) : 0;
      return { n: xs.length, mean: m, deviation, low: m - half, high: m + half };
    },
    distinct: <P extends string | number | boolean>(param: string) => [
      ...new Set(rows.map((row) => row.params[param] as P)),
    ],
  };
}

/** Measures every cell of a claim with these seeds, one after the other. */
export async function run(claim: Claim, seeds: readonly number[], size: Size = "default"): Promise<Table> {
  const rows: Row[] = [];
  const signal = new AbortController().signal;
  for (const params of claim.cells(size)) {
    for (const seed of seeds) {
      const values = await claim.measure(params, { seed, size, signal, progress: () => undefined });
      rows.push({ params, seed, values });
    }
  }
  return tableOf(rows);
}
