import type { Options } from "./call.ts";
import { knownOptions, requireOption } from "./options.ts";

/**
 * The declaration of one option. Validation, the type of the options object, command-line flags, the controls of the demo
 * and the tables of READMEs are derived from it. `X` is the type of its values, `D` the type of its default.
 */
export interface Option<X, D = X | undefined> {
  /** Continues the sentence "The option NAME ...", without a full stop. */
  readonly meaning: string;
  /** The values in words, after "expected": `a number above 0`. */
  readonly expected: string;
  /** How text becomes a value: a decimal number, a list of them with commas, true or false, or one of `words` alone. */
  readonly reads: "number" | "numbers" | "boolean" | "words";
  /** The strings that are values; empty where none is. */
  readonly words: readonly string[];
  /** The value where the option is left out; undefined where that depends on the call or means "none". */
  readonly default: D;
  /** The default in words where `default` is undefined: `1 / sqrt(d)`, or `none`. */
  readonly absent: string;
  /** The range of its numbers, where it has one. */
  readonly range?: NumberRange;
  accepts(x: unknown): x is X;
}

/** A set of finite numbers. Bounds are inclusive, except `above`. */
export interface NumberRange {
  readonly above?: number;
  readonly from?: number;
  readonly to?: number;
  /** The numbers are whole multiples of this number: 1 for whole numbers. */
  readonly multipleOf?: number;
}

interface NumberRules extends NumberRange {
  readonly default?: number | string;
  readonly absent?: string;
  readonly words?: readonly string[];
}

type WordsOf<R> = R extends { readonly words: readonly (infer W)[] } ? W : never;
type DefaultOf<R, X> = R extends { readonly default: unknown } ? X : undefined;

/**
 * Declares a number, or one of a few words beside it.
 *
 * @example
 * numberOption({ above: 0, absent: "none" }, "bounds the scores");
 * numberOption({ from: 2, to: 20, multipleOf: 2, words: ["exact"], default: 6 }, "is the highest power of the series");
 */
export function numberOption<const R extends NumberRules>(
  rules: R,
  meaning: string,
): Option<number | WordsOf<R>, DefaultOf<R, number | WordsOf<R>>> {
  const range: NumberRules = rules;
  const { words = [], default: value, absent = "none", above, from, to, multipleOf } = range;
  const kind = multipleOf ? (multipleOf === 2 ? "an even whole" : "a whole") : "a finite";
  const bounds = Object.entries({ above, from, to }).map(([side, x]) => (x === undefined ? "" : ` ${side} ${x}`));
  return {
    meaning,
    expected: quoted([`${kind} number${bounds.join("")}`], words),
    ...{ reads: "number", words, absent, range, default: value as DefaultOf<R, number | WordsOf<R>> },
    accepts: (x): x is number | WordsOf<R> =>
      words.includes(x as string) ||
      // Comparisons with an absent bound are false.
      (isFiniteNumber(x) && !(x <= above! || x < from! || x > to! || x % multipleOf! > 0 || x % multipleOf! < 0)),
  };
}

const isFiniteNumber = (x: unknown): x is number => Number.isFinite(x);

const quoted = (phrases: readonly string[], words: readonly string[]): string =>
  [...phrases, ...words.map((word) => JSON.stringify(word))].join(" or ");

/** Values beside the words of a choice, such as a function that the caller writes. */
export interface OtherValues<X> {
  /** The values in words: `a FeatureMap`. */
  readonly expected: string;
  accepts(x: unknown): x is X;
}

/**
 * Declares one of a list of words, the first of which is the default; `other` admits further values that no text can write.
 *
 * @example
 * choiceOption(["auto", "quadratic", "linear"], "is the form of the state");
 */
export function choiceOption<const W extends readonly [string, ...string[]], X = never>(
  words: W,
  meaning: string,
  other?: OtherValues<X>,
): Option<W[number] | X, W[number] | X> {
  return {
    meaning,
    expected: [
      `one of ${words.map((word) => JSON.stringify(word)).join(", ")}`,
      ...(other ? [other.expected] : []),
    ].join(", or "),
    ...{ reads: "words", words, absent: "", default: words[0] },
    accepts: (x): x is W[number] | X => words.includes(x as string) || other?.accepts(x) === true,
  };
}

/** Declares `true` or `false`. */
export function flagOption(value: boolean, meaning: string): Option<boolean, boolean> {
  return {
    ...{ meaning, expected: "true or false", reads: "boolean", words: [], absent: "", default: value },
    accepts: (x): x is boolean => typeof x === "boolean",
  };
}

/** Declares a list of numbers without a default; `accepts` decides, and `expected` says what it accepts. */
export function numbersOption<X extends readonly (number | null)[]>(
  { expected, accepts }: OtherValues<X>,
  meaning: string,
): Option<X, undefined> {
  return { meaning, expected, reads: "numbers", words: [], absent: "none", default: undefined, accepts };
}

/** Declared options by name. */
export type OptionTable = Readonly<Record<string, Option<unknown, unknown>>>;

/** The object that a caller passes: every option may be left out. */
export type OptionsOf<T> = {
  readonly [N in keyof T]?: T[N] extends Option<infer X, unknown> ? X : never;
};

/** The same object with its defaults filled in. */
export type ResolvedOptions<T> = {
  readonly [N in keyof T]: T[N] extends Option<infer X, infer D> ? (D extends undefined ? X | undefined : X) : never;
};

/** All options of one mechanism. */
export interface OptionDeclarations<T> {
  readonly table: T;
  /**
   * Checks the options that a caller passed and returns them with their defaults. An option that is undefined counts as left out.
   *
   * @throws `ATTN_OPTION` on a name that is not declared, a value outside its range, or options that exclude each other.
   */
  resolve(given: OptionsOf<T>): ResolvedOptions<T>;
}

/**
 * Declares the options of the mechanism `who`. `conflict` holds the rules between options: it returns the name of an option
 * that its neighbours forbid, and what was expected instead.
 *
 * @example
 * const declared = declareOptions("softmax", {
 *   scale: numberOption({ absent: "1 / sqrt(d)" }, "multiplies q.k"),
 * });
 * type SoftmaxOptions = OptionsOf<typeof declared.table>;
 * const { scale } = declared.resolve({ scale: 0.5 });
 */
export function declareOptions<T extends OptionTable>(
  who: string,
  table: T,
  conflict?: (given: OptionsOf<T>) => readonly [name: keyof T & string, expected: string] | undefined,
): OptionDeclarations<T> {
  return {
    table,
    resolve(given) {
      knownOptions(who, given, Object.keys(table));
      const all: Record<string, unknown> = {};
      for (const [name, { accepts, expected, meaning, default: value }] of Object.entries(table)) {
        const x = (given as Options)[name];
        requireOption(x === undefined || accepts(x), who, name, x, `${expected}. The option ${name} ${meaning}`);
        all[name] = x === undefined ? value : x;
      }
      const [name, expected] = conflict?.(given) ?? [];
      if (name !== undefined) requireOption(false, who, name, (given as Options)[name], expected!);
      return all as ResolvedOptions<T>;
    },
  };
}
