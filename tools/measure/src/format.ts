/** Formats numbers for tables: three digits and a unit, no more precision than a measurement has. */

export function time(seconds: number): string {
  if (seconds === 0) return "0 s";
  if (seconds >= 1) return `${digits(seconds)} s`;
  if (seconds >= 1e-3) return `${digits(seconds * 1e3)} ms`;
  return `${digits(seconds * 1e6)} µs`;
}

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  const power = Math.min(3, Math.floor(Math.log2(n) / 10));
  return `${digits(n / 1024 ** power)} ${["B", "KiB", "MiB", "GiB"][power]}`;
}

/** Formats operations per second, in units of 1e9. */
export const gflops = (flops: number, seconds: number): string => digits(flops / seconds / 1e9);

export function digits(x: number): string {
  if (x === 0) return "0";
  const abs = Math.abs(x);
  if (abs < 1e-3 || abs >= 1e9) return x.toExponential(2);
  return abs >= 100 ? String(Math.round(Number(x.toPrecision(3)))) : x.toPrecision(3);
}

/** Formats the interquartile range as a percentage of the median. */
export const spread = ({ median, q1, q3 }: { median: number; q1: number; q3: number }): string =>
  `${median > 0 ? Math.round((100 * (q3 - q1)) / median) : 0} %`;

/** Formats a number and the ends of its interval, as in `1.20 (1.15 to 1.26)`. */
export const interval = (
  one: (x: number) => string,
  value: number,
  { low, high }: { readonly low: number; readonly high: number },
): string => `${one(value)} (${one(low)} to ${one(high)})`;

export const exponent = ({
  exponent: e,
  error,
  from,
  to,
}: {
  exponent: number;
  error: number;
  from: number;
  to: number;
}): string => `${e.toFixed(2)} ± ${error.toFixed(2)} (${from} to ${to})`;

export const percent = (fraction: number | null): string =>
  fraction === null ? "not finite" : `${Math.round(100 * fraction)} %`;
