/** Links as people edit them, as old pages wrote them and as chance would have them: all open something sensible. */
import { random } from "@attnkit/core/conformance";
import { describe, expect, test, vi } from "vitest";
import { createView as look } from "../src/look/model.ts";
import { optionsOf, settings as race } from "../src/race/settings.tsx";
import { isCut, LONGEST, type UrlState, urlState } from "../src/shell/url.ts";
import { snapped } from "../src/shell/values.ts";
import { keys, tabs } from "../src/tabs.ts";
import { planOf, settings as train } from "../src/train/settings.tsx";

function open(hash: string): { url: UrlState; written: string[] } {
  const written: string[] = [];
  const at = { hash: `#${hash}`, pathname: "/page/", search: "", href: `https://example.org/page/#${hash}` };
  const past = {
    state: null,
    replaceState: (_: unknown, __: string, to?: string | URL | null) => void written.push(String(to)),
  };
  return { url: urlState(keys, at, past), written };
}

describe("a value that the page does not have", () => {
  test.each([
    ["polynomial.power=2.7", 3, "polynomial.power=2.7: 3 is used, expected a whole number from 1 to 6"],
    ["polynomial.power=0", 1, "polynomial.power=0: 1 is used, expected a whole number from 1 to 6"],
    ["polynomial.power=1e9", 6, "polynomial.power=1e9: 6 is used, expected a whole number from 1 to 6"],
    ["polynomial.power=two", 2, "polynomial.power=two: 2 is used, expected a whole number from 1 to 6"],
    ["polynomial.power=", 2, "polynomial.power=: 2 is used, expected a whole number from 1 to 6"],
    ["polynomial.power=NaN", 2, "polynomial.power=NaN: 2 is used, expected a whole number from 1 to 6"],
    ["polynomial.power=-Infinity", 2, "polynomial.power=-Infinity: 2 is used, expected a whole number from 1 to 6"],
  ])("%s is read as %d, with a notice", (hash, value, words) => {
    const { url } = open(hash);
    const view = look(url);
    const { params, weights } = view.looks.find(({ kind }) => kind.name === "polynomial")!;
    expect(params[0]!.state.value).toBe(value);
    expect(weights.value.data.some(Number.isFinite)).toBe(true);
    expect(url.faults.value).toEqual([words]);
    // The link that is copied from here is a right one.
    expect(url.href()).not.toContain(hash);
    url.dismiss();
    expect(url.faults.value).toEqual([]);
  });

  test("is not a step of a slider: the nearest step, without rounding errors", () => {
    const { url } = open("temperature=1.234&softmax.scale=0.149999&head=1.5&elementwise.order=2.2");
    const view = look(url);
    expect([view.temperature.value, view.headNumber.value]).toEqual([1.25, 2]);
    expect(view.looks[0]!.params[0]!.state.value).toBe(0.15);
    expect(url.faults.value).toHaveLength(4);
    for (let i = 0; i <= 75; i++) {
      const x = 0.25 + 0.05 * i;
      expect(snapped(x, { min: 0.25, max: 4, step: 0.05 })).toBe(Number(x.toFixed(2)));
    }
    expect(snapped(10, { min: 0, max: 10, step: 3 })).toBe(9);
  });

  test("is a name from an old link: known names stay, unknown ones are named", () => {
    const { url } = open("show=softmax,performer&tokens=bytes&race-on=webgl&causal=yes&window=3");
    const view = look(url);
    expect([view.shown.value, view.unit.value, view.causal.value]).toEqual([["softmax"], "characters", true]);
    expect(race(url).backends.value).toEqual(["tfjs-webgpu", "tfjs-wasm", "cpu"]);
    expect(url.faults.value).toEqual([
      "window=3: the page has no such setting",
      expect.stringMatching(/^tokens=bytes: characters is used, expected one of characters, words$/),
      "causal=yes: 1 is used, expected 0 or 1",
      expect.stringMatching(/^show=softmax,performer: softmax is used, expected any of softmax, linear/),
      expect.stringMatching(/^race-on=webgl: tfjs-webgpu,tfjs-wasm,cpu is used/),
    ]);
  });

  test("is long: the notice is not", () => {
    const { url } = open(`head=${"9".repeat(100_000)}&${"x".repeat(100_000)}=1`);
    look(url);
    expect(url.faults.value.join().length).toBeLessThan(300);
  });
});

test("what a right link says is not a fault", () => {
  const { url } = open(
    "show=&polynomial.power=3&temperature=0.3&causal=0&text=%zz&train-rate=0.00123&race-on=&device=auto",
  );
  const view = look(url);
  train(url);
  race(url);
  expect([view.temperature.value, view.causal.value, view.shown.value]).toEqual([0.3, false, []]);
  expect(view.text.value).toBe("%zz");
  expect(url.faults.value).toEqual([]);
});

test("every key that a tab binds is one of its keys, and the other way round", () => {
  const bound: string[] = [];
  const { url } = open("");
  const watched = new Proxy(url, {
    get: (target, name, receiver) => {
      const made = Reflect.get(target, name, receiver);
      if (!["text", "number", "flag", "choice", "list"].includes(String(name))) return made;
      return (key: string, ...rest: unknown[]) => {
        bound.push(key);
        return (made as (...args: unknown[]) => unknown)(key, ...rest);
      };
    },
  });
  look(watched);
  race(watched);
  train(watched);
  // Bound where they are shown: Generate, Check and the shell.
  const elsewhere = ["train-temperature", "train-length", "set", "check"];
  expect([...new Set(bound), ...elsewhere].sort()).toEqual(tabs.flatMap((tab) => tab.keys).sort());
  expect(() => url.flag("unheard", true)).toThrow(/has no key unheard/);
});

test("a link is short whatever the text, and whole code points are in it", () => {
  vi.useFakeTimers();
  const { url, written } = open("");
  const text = url.text("text", "");
  text.value = "ü😀 ".repeat(50_000);
  vi.runAllTimers();
  vi.useRealTimers();
  expect(isCut(text.value)).toBe(true);
  expect(url.href().length).toBeLessThan(LONGEST + 100);
  expect(written.at(-1)!.length).toBeLessThan(LONGEST + 100);
  const read = new URLSearchParams(url.href().split("#")[1]).get("text")!;
  expect(read.length).toBeGreaterThan(100);
  expect(text.value.startsWith(read)).toBe(true);
  expect(read).not.toContain("\ufffd");
  text.value = "short";
  expect([isCut(text.value), url.href()]).toEqual([false, "https://example.org/page/#text=short"]);
});

test("links of chance open every tab, within its ranges", () => {
  const odd = [
    "",
    "0",
    "-1",
    "2.7",
    "1e400",
    "NaN",
    "true",
    "softmax",
    "softmax,,x",
    "__proto__",
    "constructor",
    "%",
    "9".repeat(50),
    "\u0000",
    "ü",
    "null",
  ];
  const { pick, chance, uniform } = random("links");
  for (let n = 0; n < 15; n++) {
    const params = new URLSearchParams();
    for (const key of [...keys, "constructor", "__proto__"]) {
      if (key !== "text" && chance(0.7))
        params.append(key, chance(0.6) ? pick(odd) : String((uniform() - 0.3) * 10 ** pick([0, 1, 3, 6])));
    }
    const hash = params.toString();
    const { url } = open(`text=aba&${hash}`);
    const view = look(url);
    for (const { kind, params: sliders, weights, curve } of view.looks) {
      expect(weights.value.rows, hash).toBe(view.tokens.value.length);
      expect([...weights.value.data].some(Number.isFinite), `${kind.name} ${hash}`).toBe(true);
      expect(curve.value.weights.every(Number.isFinite), `${kind.name} ${hash}`).toBe(true);
      for (const { param, state } of sliders) {
        if (param.kind === "choice") expect(param.values).toContain(state.value);
        else expect(snapped(Number(state.value), param)).toBe(state.value);
      }
    }
    const options = optionsOf(race(url));
    expect([options.heads, options.dim, options.rounds, options.limit].every(Number.isInteger), hash).toBe(true);
    expect(options.sizes.length).toBeGreaterThan(2);
    const plan = planOf(train(url));
    if ("fault" in plan) expect(plan.fault).toMatch(/multiple of the \d+ heads|Tick at least one|needs at least/);
    else expect([plan.steps, plan.batch, plan.seed].every(Number.isInteger), hash).toBe(true);
  }
}, 30_000);
