import { studentQuantile } from "@attnkit/measure/statistics";
import type { Params } from "../experiment.ts";
import type { Row, Spread, Table } from "../table.ts";

/** Returns the rows of a claim as a {@link Table}. */
export function tableOf(rows: readonly Row[]): Table {
  // A stable sort: rows of one seed keep the order of their cells.
  const bySeed = rows.toSorted((a, b) => a.seed - b.seed);
  const values = (column: string): number[] => {
    const found = bySeed.flatMap(({ values: all }) => (Object.hasOwn(all, column) ? [all[column]!] : []));
    if (found.length > 0) return found;
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row.values)))];
    throw new Error(
      rows.length === 0
        ? `no row has these parameters, so that the column ${column} is empty`
        : `there is no column ${column}; expected ${columns.join(", ") || "none, since nothing was measured"}`,
    );
  };
  return {
    rows,
    where: (where) => tableOf(rows.filter((row) => matches(row.params, where))),
    values,
    spread: (column) => spreadOf(values(column)),
    distinct<T extends string | number | boolean>(param: string): T[] {
      const found = rows.flatMap(({ params }) => (Object.hasOwn(params, param) ? [params[param] as T] : []));
      if (rows.length > 0 && found.length === 0) throw new Error(`no row has the parameter ${param}`);
      return [...new Set(found)];
    },
  };
}

/** Returns mean, sample standard deviation and 95 % interval of at least one value. NaN makes all of them NaN. */
export function spreadOf(values: readonly number[]): Spread {
  const n = values.length;
  if (n === 0) throw new Error("spreadOf: got 0 values, expected at least 1");
  // Equal values have their own mean, which a rounded sum would miss.
  const mean = values.every((x) => x === values[0]) ? values[0]! : values.reduce((sum, x) => sum + x, 0) / n;
  if (n === 1) return { n, mean, deviation: 0, low: mean, high: mean };
  const square = values.reduce((sum, x) => sum + (x === mean ? 0 : (x - mean) ** 2), 0);
  const deviation = Math.sqrt(square / (n - 1));
  const half = (studentQuantile(n - 1) * deviation) / Math.sqrt(n);
  const [low, high] = half === 0 ? [mean, mean] : [mean - half, mean + half];
  return { n, mean, deviation, low, high };
}

const matches = (params: Params, where: Params): boolean =>
  Object.entries(where).every(([name, value]) => params[name] === value);
