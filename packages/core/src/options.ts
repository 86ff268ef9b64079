import { AttentionError } from "./errors.ts";
import type { Options } from "./mechanism.ts";

/** Throws `ATTN_OPTION` unless `ok`, saying which option of which mechanism got what and what was expected. */
export function requireOption(ok: boolean, who: string, option: string, got: unknown, expected: string): void {
  if (ok) return;
  const shown = typeof got === "function" ? "a function" : (JSON.stringify(got) ?? String(got));
  throw new AttentionError("ATTN_OPTION", who, `option ${option} is ${shown}; expected ${expected}`);
}

/** Throws `ATTN_OPTION` on names that the mechanism does not have: a misspelt option must not be ignored. */
export function knownOptions(who: string, options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    requireOption(
      names.includes(name),
      who,
      name,
      (options as Options)[name],
      `one of the options ${names.join(", ") || "(none)"}`,
    );
  }
}

export const isPositive = (x: unknown): x is number => typeof x === "number" && Number.isFinite(x) && x > 0;
export const isCount = (x: unknown): x is number => Number.isInteger(x) && (x as number) >= 1;
