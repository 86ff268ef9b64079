/** The value of a Python literal: a string, a number, a boolean, `None`, a list or tuple, or a dictionary. */
export type Literal = string | number | boolean | null | readonly Literal[] | ReadonlyMap<Literal, Literal>;

/** NumPy's headers are nested a few levels deep. Without a limit, a crafted file could exhaust the stack. */
const DEEPEST = 32;
const SPACE = /\s*/y;
const WORD = /(True|False|None)\b/y;
// Python 2 wrote long integers with an L.
const INTEGER = /[+-]?\d+(?=L?\b)L?/y;
const WORDS: Readonly<Record<string, boolean | null>> = { True: true, False: false, None: null };
const STRING = /'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"/y;
const ESCAPE = /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))/gi;
const CONTROL: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** Returns the value of a Python literal, as `ast.literal_eval` reads it, or `undefined` if the text is not one. */
export function parseLiteral(text: string): Literal | undefined {
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    SPACE.lastIndex = at;
    pattern.lastIndex = at + SPACE.exec(text)![0].length;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };
  const takes = (sign: string): boolean => {
    SPACE.lastIndex = at;
    const start = at + SPACE.exec(text)![0].length;
    if (text[start] !== sign) return false;
    at = start + 1;
    return true;
  };
  const items = <X>(close: string, item: () => X): { all: X[]; comma: boolean } => {
    const all: X[] = [];
    let comma = false;
    while (!takes(close)) {
      if (all.length > 0 && !comma) throw new SyntaxError();
      all.push(item());
      comma = takes(",");
    }
    return { all, comma };
  };
  const value = (depth: number): Literal => {
    if (depth > DEEPEST) throw new SyntaxError();
    if (takes("[")) return items("]", () => value(depth + 1)).all;
    if (takes("(")) {
      const { all, comma } = items(")", () => value(depth + 1));
      // One value in parentheses is that value. A comma makes it a tuple.
      return all.length === 1 && !comma ? all[0]! : all;
    }
    if (takes("{")) {
      const pairs = items("}", (): [Literal, Literal] => {
        const key = value(depth + 1);
        if (!takes(":")) throw new SyntaxError();
        return [key, value(depth + 1)];
      });
      return new Map(pairs.all);
    }
    const word = take(WORD);
    if (word) return WORDS[word[1]!]!;
    const integer = take(INTEGER);
    if (integer) return Number.parseInt(integer[0], 10);
    const string = take(STRING);
    if (string) return unescaped(string[1] ?? string[2]!);
    throw new SyntaxError();
  };
  try {
    const all = value(0);
    take(SPACE);
    return at === text.length ? all : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const unescaped = (text: string): string =>
  text.replace(ESCAPE, (_, x?: string, u?: string, long?: string, one?: string) => {
    const code = x ?? u ?? long;
    if (code === undefined) return CONTROL[one!] ?? one!;
    const point = Number.parseInt(code, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd";
  });
