import type { Options } from "./call.ts";
import { AttentionError } from "./errors.ts";

/** Throws `ATTN_OPTION` unless `ok`, saying which option of which mechanism got what and what was expected. */
export function requireOption(ok: boolean, who: string, option: string, got: unknown, expected: string): void {
  if (ok) return;
  throw new AttentionError("ATTN_OPTION", who, `option ${option} is ${shownAs(got)}; expected ${expected}`);
}

/** Throws `ATTN_OPTION` unless the value of an option is one of `values`. */
export const requireOneOf = (who: string, option: string, got: unknown, values: readonly unknown[]): void =>
  requireOption(values.includes(got), who, option, got, `one of ${values.map(shownAs).join(", ")}`);

/**
 * Throws `ATTN_OPTION` on names that the mechanism does not have: a misspelt option must not be ignored.
 * Also throws where `options` is not an object.
 */
export function knownOptions(who: string, options: object, names: readonly string[]): void {
  if (Object.prototype.toString.call(options) !== "[object Object]")
    throw new AttentionError(
      "ATTN_OPTION",
      who,
      `the options must be an object; got ${shownAs(options)}, expected { }`,
    );
  for (const name of Object.keys(options)) {
    const meant = nearestName(name, names);
    requireOption(
      names.includes(name),
      who,
      name,
      (options as Options)[name],
      `one of the options ${names.join(", ") || "(none)"}${meant ? `; did you mean ${meant}?` : ""}`,
    );
  }
}

/** A value as an error message shows it. */
const shownAs = (x: unknown): string => {
  if (typeof x === "function") return "a function";
  if (typeof x === "number") return String(x); // JSON has no NaN and no infinities
  try {
    return JSON.stringify(x) ?? String(x);
  } catch {
    return `a ${typeof x}`; // a bigint, or an object that contains itself
  }
};

/** The name among `names` that a caller who wrote `given` probably meant, if there is one. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  const bare = (s: string) => s.toLowerCase().replace(/[^a-z0-9]/g, "");
  const written = bare(given);
  return (
    names.find((name) => bare(name) === written) ??
    names.find((name) => name.length > 3 && within(2, bare(name), written)) ??
    names.find((name) => name.length > 2 && written.includes(bare(name)))
  );
}

/** Returns whether Levenshtein's distance is at most `edits` letters that are inserted, removed or replaced. */
function within(edits: number, a: string, b: string): boolean {
  const [restA, restB] = [a.slice(1), b.slice(1)];
  if (a === b) return true;
  if (a[0] === b[0]) return within(edits, restA, restB);
  return (
    edits > 0 &&
    [
      [restA, restB],
      [restA, b],
      [a, restB],
    ].some(([x, y]) => within(edits - 1, x!, y!))
  );
}

export const isPositiveNumber = (x: unknown): x is number => typeof x === "number" && Number.isFinite(x) && x > 0;
export const isPositiveInteger = (x: unknown): x is number => Number.isInteger(x) && (x as number) >= 1;
