/** Where a token is after the text was edited. */

/**
 * The new index of what was at `index`; undefined where it is gone. What is the same at the beginning and at the end of
 * both texts has stayed; in between something else was typed.
 */
export function moved(before: readonly string[], now: readonly string[], index: number): number | undefined {
  const shorter = Math.min(before.length, now.length);
  let start = 0;
  while (start < shorter && before[start] === now[start]) start++;
  if (index < start) return index;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === now.at(-1 - end)) end++;
  return index >= before.length - end && index < before.length ? index + now.length - before.length : undefined;
}
