/** Sizes that are not known while a program is recorded: a type of their own, with arithmetic of its own. */
import { isAttentionError } from "@attnkit/core";
import {
  type Dim,
  dividedDim,
  isKnown,
  minusDim,
  multipleOf,
  type Ops,
  partsOf,
  plusDim,
  requireKnown,
  requireSameDim,
  SymbolicDim,
  timesDim,
} from "@attnkit/core/program";
import { describe, expect, test } from "vitest";

const named = SymbolicDim.recording();
const [batch, past, length] = [named("batch"), named("past"), named("length")];
const chunked = timesDim(named("chunks"), 64);

/** The code of what `f` throws. */
const refusal = (f: () => unknown): string => {
  try {
    f();
  } catch (error) {
    return isAttentionError(error) ? `${error.code} ${error.message}` : String(error);
  }
  return "nothing";
};

describe("sizes in programs", () => {
  test("arithmetic on numbers is that of numbers", () => {
    expect([plusDim(3, 4), minusDim(3, 4), timesDim(3, 4), dividedDim(12, 4), partsOf(13, 4)]).toEqual([
      7, -1, 12, 3, 4,
    ]);
    expect([multipleOf(6), isKnown(6), requireKnown("me", 6), requireSameDim("me", 6, 6)]).toEqual([6, true, 6, 6]);
  });

  test.each<[Dim, string, number]>([
    [batch, "batch", 1],
    [timesDim(4, batch), "4 (batch)", 4],
    [timesDim(batch, 4), "4 (batch)", 4],
    [plusDim(past, length), "past + length", 1],
    [plusDim(past, chunked), "past + 64 (chunks)", 1],
    [plusDim(2, timesDim(batch, 4)), "2 (2 (batch) + 1)", 2],
    [minusDim(length, 1), "length - 1", 1],
    [plusDim(timesDim(batch, 4), 3), "4 (batch) + 3", 1],
    [partsOf(chunked, 16), "4 (chunks)", 4],
    [partsOf(chunked, 64), "chunks", 1],
  ])("%s is written %s and is a multiple of %i", (dim, text, factor) => {
    expect(`${dim}`).toBe(text);
    expect(multipleOf(dim)).toBe(factor);
    expect(isKnown(dim)).toBe(false);
  });

  test("equal sizes are one object, also by another way", () => {
    expect(named("length")).toBe(length);
    expect(plusDim(minusDim(length, 1), 1)).toBe(length);
    expect(timesDim(partsOf(chunked, 16), 16)).toBe(chunked);
    expect(plusDim(past, length)).toBe(plusDim(length, past));
    expect(minusDim(plusDim(past, length), past)).toBe(length);
    expect(length).not.toBe(SymbolicDim.recording()("length"));
  });

  test("what is left of equal sizes is a number", () => {
    expect([minusDim(chunked, chunked), timesDim(length, 0), minusDim(plusDim(length, 5), length)]).toEqual([0, 0, 5]);
  });

  test.each<[string, () => unknown]>([
    ["a product of two", () => timesDim(batch, length)],
    ["a part that need not be whole", () => dividedDim(length, 2)],
    ["chunks of a length that need not be whole", () => partsOf(chunked, 48)],
    ["a number minus it", () => minusDim(7, length)],
    ["where a number is needed", () => requireKnown("me", length)],
    ["other queries than keys", () => requireSameDim("me", length, past)],
  ])("refused: %s", (_, f) => {
    expect(refusal(f)).toMatch(/^ATTN_UNSUPPORTED .*got .*expected/);
  });

  test("plain arithmetic on an unknown size does not compile, and is refused instead of giving NaN", () => {
    const program = <T>(o: Ops<T>, x: T) => {
      const [B, , L] = o.shape(x) as [Dim, Dim, Dim];
      return [
        // @ts-expect-error a size may be a symbolic dimension
        () => L * 2,
        // @ts-expect-error a size may be a symbolic dimension
        () => L / 64,
        // @ts-expect-error a size may be a symbolic dimension
        () => L + 1,
        // @ts-expect-error a size may be a symbolic dimension
        () => L - 1,
        // @ts-expect-error a size may be a symbolic dimension
        () => L < 0,
        // @ts-expect-error a size may be a symbolic dimension
        () => Math.max(L, 1),
        // @ts-expect-error a size may be a symbolic dimension
        () => Math.ceil(L),
        () => -L, // TypeScript lets a minus stand before anything
        () => B < L, // and compares any type with itself
        () => (L as number) + 1, // a claim that is not true
      ];
    };
    const recorder = { shape: () => [batch, 2, length, 4] };
    for (const f of program(recorder as unknown as Ops<object>, {}))
      expect(refusal(f), String(f)).toMatch(/^ATTN_UNSUPPORTED .*got (length|batch), expected a number.*timesDim/);
  });
});
