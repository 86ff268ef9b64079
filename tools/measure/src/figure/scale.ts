import type { Axis } from "./figure.ts";

/** One axis of a panel. Positions are the numbers that are drawn: the value, or its logarithm to base 10. */
export interface Scale {
  readonly log: boolean;
  /** The range in positions, with a margin around the values. */
  readonly domain: readonly [number, number];
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
  at(value: number): number;
  /** Returns true if the axis can show the value: finite, and positive on a logarithmic axis. */
  shows(value: number): boolean;
}

/** Makes the scale of an axis for these values, of which it ignores those that it can't show. */
export function scaleOf(axis: Axis, own: readonly number[], ticks: number): Scale {
  const { scale, unit, includes = [] } = axis;
  const values = [...own, ...includes];
  const log = scale === "log";
  const shows = (x: number) => Number.isFinite(x) && (!log || x > 0);
  const at = log ? Math.log10 : (x: number) => x;
  const shown = values.filter(shows);
  const [low, high] = shown.length === 0 ? [1, 10] : [min(shown), max(shown)];
  const [from, to] = [at(low), at(high)];
  // One value alone, and values that differ by rounding, stand in the middle of a range of their own size.
  const alone = to - from <= 1e-9 * Math.max(Math.abs(from), Math.abs(to));
  const margin = alone ? 0.5 * (log ? 1 : Math.abs(from) || 1) : 0.05 * (to - from);
  const domain: [number, number] = [from - margin, to + margin];
  const marks = log ? logTicks(domain, unit === "B" ? [1, 2] : shown, ticks) : linearTicks(domain, ticks);
  const label = unit === undefined ? labelOf : (value: number) => withUnit(value, unit);
  return { log, domain, at, shows, ticks: marks.map((value) => ({ at: at(value), label: label(value) })) };
}

// A spread of many thousand arguments would overflow the stack.
const min = (all: readonly number[]): number => all.reduce((a, b) => Math.min(a, b));
const max = (all: readonly number[]): number => all.reduce((a, b) => Math.max(a, b));

/** Multiples of 1, 2 or 5 times a power of ten, about `count` of them. */
function linearTicks([low, high]: readonly [number, number], count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough)!;
  const from = Math.ceil(low / step);
  const all = Array.from({ length: Math.floor(high / step) - from + 1 }, (_, i) => (from + i) * step);
  return all.map((x) => Number(x.toPrecision(12)));
}

/** The prefixes of a unit, from the largest down. */
const PREFIXES = {
  s: [
    [1, "s"],
    [1e-3, "ms"],
    [1e-6, "µs"],
    [1e-9, "ns"],
  ],
  B: [
    [2 ** 30, "GiB"],
    [2 ** 20, "MiB"],
    [2 ** 10, "KiB"],
    [1, "B"],
  ],
} as const;

function withUnit(value: number, unit: keyof typeof PREFIXES): string {
  const prefixes = PREFIXES[unit];
  // A tick such as 0.001 may be a bit less than the prefix.
  const [factor, name] = prefixes.find(([least]) => Math.abs(value) >= least * (1 - 1e-9)) ?? prefixes.at(-1)!;
  return `${labelOf(value / factor)} ${name}`;
}

/** Powers of two if all values are such, else 1, 2, 5 times powers of ten or every n-th power. At most `count`. */
function logTicks([low, high]: readonly [number, number], values: readonly number[], count: number): number[] {
  const inside = (all: readonly number[]) => all.filter((x) => Math.log10(x) >= low && Math.log10(x) <= high);
  const distinct = [...new Set(values)];
  if (distinct.length > 1 && distinct.every((x) => Number.isInteger(Math.log2(x)))) {
    const powers = between(low / Math.log10(2), high / Math.log10(2));
    const every = Math.ceil(powers.length / count);
    return powers.filter((n) => (n - powers[0]!) % every === 0).map((n) => 2 ** n);
  }
  const powers = between(Math.floor(low), Math.ceil(high));
  const decades = (steps: readonly number[]) =>
    inside(powers.flatMap((n) => steps.map((s) => Number(`${s}e${n}`)))).sort((a, b) => a - b);
  const fine = [[1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1, 3], [1]].map(decades);
  const found = fine.find((all) => all.length <= count && all.length >= 3) ?? fine.at(-1)!;
  if (found.length <= count && found.length >= 2) return found;
  // Less than a third of a decade: the values lie so close that steps of equal size read better.
  if (found.length < 2) return linearTicks([10 ** low, 10 ** high], Math.min(count, 5)).filter((x) => x > 0);
  const every = Math.ceil(found.length / count);
  return found.filter((_, i) => i % every === 0);
}

const between = (low: number, high: number): number[] => {
  const from = Math.ceil(low - 1e-9);
  return Array.from({ length: Math.max(0, Math.floor(high + 1e-9) - from + 1) }, (_, i) => from + i);
};

/** A tick as people write it: `0.5`, `20,000`, or `1e-6` where there would be many digits. */
function labelOf(value: number): string {
  const abs = Math.abs(value);
  if (value === 0 || (abs >= 1e-3 && abs < 1e7))
    return Number(value.toPrecision(7)).toLocaleString("en-US", { maximumFractionDigits: 9 });
  return String(Number(value.toPrecision(3)).toExponential()).replace("e+", "e");
}
