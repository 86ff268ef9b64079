import { isAttentionError } from "@attnkit/core";
import {
  choiceOption,
  declareOptions,
  flagOption,
  numberOption,
  numbersOption,
  type OptionsOf,
} from "@attnkit/core/program";
import { describe, expect, expectTypeOf, test } from "vitest";

const isPair = (x: unknown): x is readonly [number, number] => Array.isArray(x) && x.length === 2;
const isOwn = (x: unknown): x is { own: true } => typeof x === "object" && x !== null && "own" in x;
const declared = declareOptions(
  "test",
  {
    scale: numberOption({ absent: "1 / sqrt(d)" }, "multiplies q.k"),
    cap: numberOption({ above: 0 }, "bounds the scores"),
    order: numberOption({ from: 2, to: 20, multipleOf: 2, words: ["exact"], default: 6 }, "is the order"),
    power: numberOption({ from: -3, to: 3, multipleOf: 1 }, "is the power"),
    map: choiceOption(["elu1", "relu"], "is the map", { expected: "an object of your own", accepts: isOwn }),
    flag: flagOption(true, "divides"),
    pair: numbersOption({ expected: "[a, b]", accepts: isPair }, "bounds both sides"),
  },
  ({ cap, pair }) => (cap !== undefined && pair !== undefined ? ["pair", "cap or pair, not both"] : undefined),
);

test("defaults are filled in, an undefined option counts as left out", () => {
  const defaults = { order: 6, map: "elu1", flag: true, scale: undefined, cap: undefined };
  expect(declared.resolve({})).toEqual({ ...defaults, power: undefined, pair: undefined });
  expect(declared.resolve({ order: undefined, scale: undefined } as object)).toMatchObject(defaults);
  expect(declared.resolve({ order: "exact", scale: -1, flag: false })).toMatchObject({
    order: "exact",
    scale: -1,
    flag: false,
  });
});

test("the types follow", () => {
  type Given = OptionsOf<typeof declared.table>;
  expectTypeOf<Given["order"]>().toEqualTypeOf<number | "exact" | undefined>();
  expectTypeOf<Given["map"]>().toEqualTypeOf<"elu1" | "relu" | { own: true } | undefined>();
  const { order, cap, flag } = declared.resolve({});
  expectTypeOf(order).toEqualTypeOf<number | "exact">();
  expectTypeOf(cap).toEqualTypeOf<number | undefined>();
  expectTypeOf(flag).toEqualTypeOf<boolean>();
});

describe("refusals say the range and what the option is for", () => {
  test.each<[object, string]>([
    [{ scale: Number.NaN }, "option scale is NaN; expected a finite number. The option scale multiplies q.k"],
    [{ scale: "1" }, 'option scale is "1"; expected a finite number'],
    [{ scale: null }, "option scale is null; expected a finite number"],
    [{ cap: 0 }, "option cap is 0; expected a finite number above 0"],
    [{ cap: Number.POSITIVE_INFINITY }, "option cap is Infinity; expected a finite number above 0"],
    [{ order: 3 }, 'option order is 3; expected an even whole number from 2 to 20 or "exact"'],
    [{ order: 0 }, "option order is 0"],
    [{ order: 22 }, "option order is 22"],
    [{ order: "other" }, 'option order is "other"'],
    [{ power: 0.5 }, "option power is 0.5; expected a whole number from -3 to 3"],
    [{ power: -0.5 }, "option power is -0.5"],
    [{ power: -4 }, "option power is -4"],
    [{ map: "tanh" }, 'option map is "tanh"; expected one of "elu1", "relu", or an object of your own'],
    [{ map: {} }, "option map is {}"],
    [{ flag: 1 }, "option flag is 1; expected true or false"],
    [{ pair: [1] }, "option pair is [1]; expected [a, b]. The option pair bounds both sides"],
    [{ cap: 1, pair: [1, 2] }, "option pair is [1,2]; expected cap or pair, not both"],
    [{ scal: 1 }, "option scal is 1; expected one of the options scale, cap"],
  ])("%o", (given, message) => {
    let error: unknown;
    try {
      declared.resolve(given);
    } catch (thrown) {
      error = thrown;
    }
    expect(isAttentionError(error, "ATTN_OPTION")).toBe(true);
    expect((error as Error).message).toContain(`test: ${message}`);
  });

  test.each([{ power: -3 }, { power: 0 }, { power: 3 }, { order: 20 }, { cap: 1e-300 }, { map: { own: true } }])(
    "%o is taken",
    (given) => expect(declared.resolve(given as object)).toMatchObject(given),
  );
});
