import { InvalidArgumentError } from "commander";

/** Parsers of flag values. commander turns the error that they throw into the line that the user sees. */

export function positive(text: string): number {
  const n = Number(text);
  if (!/^\d+$/.test(text.trim()) || !Number.isSafeInteger(n) || n < 1)
    throw new InvalidArgumentError("Expected a whole number >= 1.");
  return n;
}

/** More threads than a machine has cores would only exhaust it. */
const MOST_THREADS = 256;

export function threads(text: string): number {
  const n = Number(text);
  if (!/^\d+$/.test(text.trim()) || n < 1 || n > MOST_THREADS)
    throw new InvalidArgumentError(`Expected a whole number from 1 to ${MOST_THREADS}.`);
  return n;
}

export function integer(text: string): number {
  const n = Number(text);
  if (!/^-?\d+$/.test(text.trim()) || !Number.isSafeInteger(n))
    throw new InvalidArgumentError("Expected a whole number.");
  return n;
}

export function number(text: string): number {
  const n = Number(text);
  if (text.trim() === "" || !Number.isFinite(n)) throw new InvalidArgumentError("Expected a finite number.");
  return n;
}

export function seconds(text: string): number {
  const n = number(text);
  if (n <= 0) throw new InvalidArgumentError("Expected a number of seconds above 0.");
  return n;
}

export function percent(text: string): number {
  const n = number(text);
  if (n <= 0) throw new InvalidArgumentError("Expected a number of percent above 0.");
  return n;
}

/** Parses a list of distinct integers and sorts it in ascending order. */
export const sizes = (text: string): number[] => [...new Set(text.split(",").map(positive))].sort((a, b) => a - b);

export const numbers = (text: string): number[] => text.split(",").map(number);

export function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError("Expected JSON.");
  }
}

export function jsonObject(text: string): Record<string, unknown> {
  const value = json(text);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new InvalidArgumentError("Expected a JSON object.");
  return value as Record<string, unknown>;
}

/** Collects the values of a flag that may be given several times. */
export const collect = (text: string, before: readonly string[] = []): string[] => [...before, text];
