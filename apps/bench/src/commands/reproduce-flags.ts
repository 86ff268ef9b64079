import { InvalidArgumentError } from "commander";
import { integer } from "./flags.ts";

/** The flags of `attnkit reproduce`, parsed. */
export interface Flags {
  readonly list: boolean;
  readonly full: boolean;
  readonly seeds?: Seeds;
  readonly seed?: number;
  readonly claim?: string[];
  readonly out: string;
  readonly resume: boolean;
  readonly jobs: number;
  readonly record: boolean;
}

/** A number of seeds, or the seeds themselves. */
export type Seeds = { readonly count: number } | { readonly list: readonly number[] };

/** The largest seed for which all seeds of a run are different for the generator, which takes 32 bits. */
const LARGEST = 2 ** 31 - 1;

/** Parses a number of seeds, `5`, or a list of distinct seeds, `4,8,15`. */
export function seeds(text: string): Seeds {
  const numbers = text.split(",").map(seed);
  if (numbers.length > 1) {
    if (new Set(numbers).size < numbers.length) throw new InvalidArgumentError("Expected seeds that are different.");
    return { list: numbers.sort((a, b) => a - b) };
  }
  const [count] = numbers as [number];
  if (count < 1 || count > 1000) throw new InvalidArgumentError("Expected 1 to 1000 seeds, or a list such as 4,8,15.");
  return { count };
}

/** Parses one seed. */
export function seed(text: string): number {
  const n = integer(text);
  if (n < 0 || n > LARGEST) throw new InvalidArgumentError(`Expected a whole number from 0 to ${LARGEST}.`);
  return n;
}
