/** Values that a link may name: which are allowed, and how they are written. */

/** Allowed values: `min`, `min + step` and so on up to `max`; any number in between where there is no step. */
export interface Steps {
  readonly min: number;
  readonly max: number;
  readonly step?: number;
}

/** The allowed value that is nearest to `x`, without the rounding errors of `min + n step`. */
export function snapped(x: number, { min, max, step }: Steps): number {
  const within = Math.min(max, Math.max(min, x));
  if (step === undefined) return within;
  const places = Math.max(placesOf(step), placesOf(min));
  const steps = Math.min(Math.round((within - min) / step), Math.floor((max - min) / step + 1e-9));
  return Number((min + steps * step).toFixed(places));
}

const placesOf = (x: number): number => String(x).split(".")[1]?.length ?? 0;

export function wordsFor({ min, max, step }: Steps): string {
  if (step === undefined) return `a number from ${min} to ${max}`;
  return step === 1 ? `a whole number from ${min} to ${max}` : `${min} to ${max} in steps of ${step}`;
}

/** As much of `text` as takes at most `most` characters in an address; whole code points. */
export function beginning(text: string, most: number): string {
  let [length, end] = [0, 0];
  for (const point of text) {
    length += new URLSearchParams({ x: point }).toString().length - "x=".length;
    if (length > most) return text.slice(0, end);
    end += point.length;
  }
  return text;
}

/** For a message: a link may hold anything, at any length. */
export const shortened = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
