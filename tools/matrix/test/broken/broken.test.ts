import { type Item, isLawBroken, plan } from "@attnkit/core/conformance";
import { describe, expect, test, vi } from "vitest";
import { type Mutant, mutants } from "./mutants.ts";

// Thousands of cases share two cores with other files: the slowest take seconds then.
vi.setConfig({ testTimeout: 120_000 });

interface Failure {
  readonly law: string;
  readonly error: unknown;
}

/** The first failure of these cases, in their order; nothing if all of them pass. */
async function firstFailure(backend: Mutant["backend"], items: readonly Item[]): Promise<Failure | undefined> {
  const made = backend();
  for (const item of items) {
    try {
      await item.run(made, 1);
    } catch (error) {
      return { law: item.law, error };
    }
  }
  return undefined;
}

const lawOf = ({ law, rows }: Pick<Mutant, "law" | "rows">): Item[] => {
  const items = plan({ mechanisms: rows }, { law });
  expect(items.length, `there is no law ${law}`).toBeGreaterThan(0);
  return items;
};

/** The cases up to those of the mutant's law. Where the backend is sound, its operations are not tested again. */
const upTo = ({ law, rows, soundBackend }: Mutant): Item[] => {
  const all = plan({ mechanisms: rows }, (item) => !soundBackend || item.mechanism !== "ops");
  return all.slice(0, all.findLastIndex((item) => item.law === law) + 1);
};

describe("what is broken is caught by the law that names it", () => {
  for (const mutant of mutants) {
    test(`${mutant.law}: ${mutant.name}`, async () => {
      const failure = await firstFailure(mutant.backend, mutant.first ? upTo(mutant) : lawOf(mutant));
      expect(failure?.law, String(failure?.error)).toBe(mutant.law);
      expect(isLawBroken(failure?.error), String((failure?.error as Error)?.stack)).toBe(true);
    });
  }
});

test("every law is the first to catch something broken", () => {
  const all = plan({ mechanisms: mutants.flatMap((m) => m.whole.rows) }).map((item) => item.law);
  const first = new Set(mutants.filter((m) => m.first).map((m) => m.law));
  expect([...new Set(all)].filter((law) => !first.has(law))).toEqual([]);
});

test("overlapping calls: no other law sees what they break", async () => {
  const one = mutants.find((m) => m.name === "keeps its inputs in one place across a wait")!;
  const others = plan({ mechanisms: one.rows }, (item) => item.case === 0 && item.law !== one.law);
  expect(await firstFailure(one.backend, others)).toBeUndefined();
  expect(others.length).toBeGreaterThan(40);
});

describe("what is whole passes the same laws", () => {
  const done = new Set<string>();
  for (const { law, whole } of mutants) {
    const { mechanism } = whole.rows[0] ?? {};
    const name = `${law}: ${mechanism ? `${mechanism.name} ${JSON.stringify(mechanism.options)}` : "ops"} ${whole.backend().dtype}`;
    if (done.has(name)) continue;
    done.add(name);
    test(name, async () => {
      expect(await firstFailure(whole.backend, lawOf({ law, rows: whole.rows }))).toBeUndefined();
    });
  }
});
