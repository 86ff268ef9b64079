/** State in the address, so that a link shows what its sender saw. After `#`: no server ever reads it. */
import { effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { beginning, type Steps, shortened, snapped, wordsFor } from "./values.ts";

/** Signals bound to the address, both ways. A key asked for twice gives the same signal; defaults are not written. */
export interface UrlState {
  /** The address holds the beginning of a long text, at most {@link LONGEST} characters as it is written there. */
  text(key: string, fallback: string): Signal<string>;
  /** The nearest step within `min..max`; a value that is not a number is the default. */
  number(key: string, fallback: number, range: Steps): Signal<number>;
  flag(key: string, fallback: boolean): Signal<boolean>;
  /** One of `values`. */
  choice<T extends string>(key: string, fallback: T, values: readonly T[]): Signal<T>;
  /** Any of `values`, in their order. Where a link names none that is known, the default. */
  list<T extends string>(key: string, fallback: readonly T[], values: readonly T[]): Signal<readonly T[]>;
  /** Returns a parameter of a link from elsewhere, such as `?replay=...`. It is never written. */
  query(key: string): string | undefined;
  /** The address with all that is bound. */
  href(): string;
  /** Values and keys of the link that this page does not have, each with the value that is used instead. */
  readonly faults: ReadonlySignal<readonly string[]>;
  /** Forgets the faults once they were read. */
  dismiss(): void;
}

/** Characters of a text in the address, escapes counted. Longer links are cut by mail programs and chats. */
export const LONGEST = 2000;

interface Bound<T> {
  readonly state: Signal<T>;
  /** `told` hears why the value is not the one that the address names. */
  read(text: string | null, told: (expected: string) => void): T;
  /** Null where the address need not say it. */
  write(value: T): string | null;
}

/**
 * The page's only one. `known` are the keys of all tabs: others in the address are dropped. `location` and `history` are
 * handed in by tests.
 */
export function urlState(
  known: readonly string[],
  at: Pick<Location, "hash" | "pathname" | "search" | "href"> = location,
  past: Pick<History, "replaceState" | "state"> = history,
): UrlState {
  const faults = signal<readonly string[]>([]);
  const fault = (key: string, text: string, expected: string) => {
    const words = `${shortened(key)}=${shortened(text)}: ${expected}`;
    if (!faults.peek().includes(words)) faults.value = [...faults.peek(), words];
  };
  const parse = () => {
    const given = new URLSearchParams(at.hash.slice(1));
    for (const [key, text] of [...given]) {
      if (known.includes(key)) continue;
      given.delete(key);
      fault(key, text, "the page has no such setting");
    }
    return given;
  };
  let params = parse();
  const bound = new Map<string, Bound<unknown>>();
  const readFrom = <T>(key: string, { read }: Pick<Bound<T>, "read">): T => {
    const text = params.get(key);
    return read(text, (expected) => fault(key, text ?? "", expected));
  };
  const bind = <T>(key: string, parts: Omit<Bound<T>, "state">): Signal<T> => {
    const already = bound.get(key);
    if (already) return already.state as Signal<T>;
    if (!known.includes(key)) throw new Error(`the address has no key ${key}; expected one of ${known.join(", ")}`);
    const state = signal(readFrom(key, parts));
    bound.set(key, { ...parts, state } as Bound<unknown>);
    effect(() => save(key, parts.write(state.value)));
    return state;
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const save = (key: string, text: string | null) => {
    if (params.get(key) === text) return;
    if (text === null) params.delete(key);
    else params.set(key, text);
    clearTimeout(timer);
    // A slider moves often, and browsers limit how often the address may change.
    timer = setTimeout(() => past.replaceState(past.state, "", href()), 150);
  };
  const href = () => {
    const hash = params.toString();
    return `${at.pathname}${at.search}${hash && `#${hash}`}`;
  };
  globalThis.addEventListener?.("hashchange", () => {
    params = parse();
    for (const [key, parts] of bound) {
      parts.state.value = readFrom(key, parts);
      // A value that was put right is written where the wrong one stood.
      save(key, parts.write(parts.state.value));
    }
  });
  const query = new URLSearchParams(at.search);

  return {
    text: (key, fallback) =>
      bind(key, { read: (x) => x ?? fallback, write: (x) => (x === fallback ? null : beginning(x, LONGEST)) }),
    number: (key, fallback, steps) =>
      bind<number>(key, {
        read(x, told) {
          if (x === null) return fallback;
          const isNumber = x.trim() !== "" && Number.isFinite(Number(x));
          const value = isNumber ? snapped(Number(x), steps) : fallback;
          if (!isNumber || value !== Number(x)) told(`${value} is used, expected ${wordsFor(steps)}`);
          return value;
        },
        write: (x) => (x === fallback ? null : String(x)),
      }),
    flag: (key, fallback) =>
      bind<boolean>(key, {
        read(x, told) {
          if (x === null || x === "1" || x === "0") return x === null ? fallback : x === "1";
          told(`${fallback ? 1 : 0} is used, expected 0 or 1`);
          return fallback;
        },
        write: (x) => (x === fallback ? null : x ? "1" : "0"),
      }),
    choice: (key, fallback, values) =>
      bind(key, {
        read(x, told) {
          const value = values.find((v) => v === x);
          if (x !== null && value === undefined) told(`${fallback} is used, expected one of ${values.join(", ")}`);
          return value ?? fallback;
        },
        write: (x) => (x === fallback ? null : x),
      }),
    list: (key, fallback, values) =>
      bind(key, {
        read(x, told) {
          if (x === null) return fallback;
          const asked = x === "" ? [] : x.split(",");
          const found = values.filter((value) => asked.includes(value));
          const value = found.length === 0 && asked.length > 0 ? fallback : found;
          if (asked.some((name) => !values.some((v) => v === name)))
            told(`${value.join(",") || "none"} is used, expected any of ${values.join(", ")}`);
          return value;
        },
        write: (x) => (x.join() === fallback.join() ? null : x.join()),
      }),
    query: (key) => query.get(key) ?? undefined,
    href: () => new URL(href(), at.href).href,
    faults,
    dismiss() {
      faults.value = [];
    },
  };
}

/** True where a link holds only the beginning of `text`. */
export const isCut = (text: string): boolean => beginning(text, LONGEST).length < text.length;
