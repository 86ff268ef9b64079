/** State in the address, so that a link shows what its sender saw. After `#`: no server ever reads it. */
import { effect, type Signal, signal } from "@preact/signals";

/** Signals bound to the address, both ways. A key asked for twice gives the same signal; defaults are not written. */
export interface UrlState {
  text(key: string, fallback: string): Signal<string>;
  /** Kept within `min..max`; what is no number is the default. */
  number(key: string, fallback: number, range: { readonly min: number; readonly max: number }): Signal<number>;
  flag(key: string, fallback: boolean): Signal<boolean>;
  /** One of `values`. */
  choice<T extends string>(key: string, fallback: T, values: readonly T[]): Signal<T>;
  /** Any of `values`, in their order. */
  list<T extends string>(key: string, fallback: readonly T[], values: readonly T[]): Signal<readonly T[]>;
  /** What a link brought from elsewhere, `?replay=...`; never written. */
  query(key: string): string | undefined;
  /** The address with all that is bound. */
  href(): string;
}

interface Bound<T> {
  readonly state: Signal<T>;
  read(text: string | null): T;
  /** Null where the address need not say it. */
  write(value: T): string | null;
}

/** The page's only one. `location` and `history` are handed in by tests. */
export function urlState(at: Location = location, past: History = history): UrlState {
  let params = new URLSearchParams(at.hash.slice(1));
  const bound = new Map<string, Bound<unknown>>();
  const bind = <T>(key: string, parts: Omit<Bound<T>, "state">): Signal<T> => {
    const known = bound.get(key);
    if (known) return known.state as Signal<T>;
    const state = signal(parts.read(params.get(key)));
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
    params = new URLSearchParams(at.hash.slice(1));
    for (const [key, { state, read }] of bound) state.value = read(params.get(key));
  });
  const query = new URLSearchParams(at.search);

  return {
    text: (key, fallback) => bind(key, { read: (x) => x ?? fallback, write: (x) => (x === fallback ? null : x) }),
    number: (key, fallback, { min, max }) =>
      bind<number>(key, {
        read: (x) => (x === null || x === "" || !Number.isFinite(+x) ? fallback : Math.min(max, Math.max(min, +x))),
        write: (x) => (x === fallback ? null : String(x)),
      }),
    flag: (key, fallback) =>
      bind<boolean>(key, {
        read: (x) => (x === "1" ? true : x === "0" ? false : fallback),
        write: (x) => (x === fallback ? null : x ? "1" : "0"),
      }),
    choice: (key, fallback, values) =>
      bind(key, {
        read: (x) => values.find((value) => value === x) ?? fallback,
        write: (x) => (x === fallback ? null : x),
      }),
    list: (key, fallback, values) =>
      bind(key, {
        read: (x) => (x === null ? fallback : values.filter((value) => x.split(",").includes(value))),
        write: (x) => (x.join() === fallback.join() ? null : x.join()),
      }),
    query: (key) => query.get(key) ?? undefined,
    href: () => new URL(href(), at.href).href,
  };
}
