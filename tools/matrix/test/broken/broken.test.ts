import { plan } from "@attnkit/core/conformance";
import { describe, expect, test, vi } from "vitest";
import { type Mutant, mutants } from "./mutants.ts";

// Thousands of cases share two cores with other files: the slowest take seconds then.
vi.setConfig({ testTimeout: 60_000 });

/** The first case of the law that fails, or nothing. */
async function firstFailure(
  { backend, rows }: Pick<Mutant, "backend" | "rows">,
  law: string,
): Promise<string | undefined> {
  const items = plan({ mechanisms: rows }, { law });
  const made = backend();
  expect(items.length, `there is no law ${law}`).toBeGreaterThan(0);
  for (const item of items) {
    try {
      await item.run(made, 1);
    } catch (error) {
      return String(error);
    }
  }
  return undefined;
}

describe("what is broken is caught by the law that names it", () => {
  for (const mutant of mutants) {
    test(`${mutant.law}: ${mutant.name}`, async () => {
      expect(await firstFailure(mutant, mutant.law)).toBeDefined();
    });
  }
});

test("overlapping calls: no other law sees what they break", async () => {
  const one = mutants.find((m) => m.name === "keeps its inputs in one place across a wait")!;
  const others = plan({ mechanisms: one.rows }, (item) => item.case === 0 && item.law !== one.law);
  const backend = one.backend();
  for (const item of others) await item.run(backend, 1);
  expect(others.length).toBeGreaterThan(40);
});

test("every law has something broken that it must catch", () => {
  const all = plan({ mechanisms: mutants.flatMap((m) => m.whole.rows) }).map((item) => item.law);
  const tested = new Set(mutants.map((m) => m.law));
  expect([...new Set(all)].filter((law) => !tested.has(law))).toEqual([]);
});

describe("what is whole passes the same laws", () => {
  const done = new Set<string>();
  for (const { law, whole } of mutants) {
    const { mechanism } = whole.rows[0] ?? {};
    const name = `${law}: ${mechanism ? `${mechanism.name} ${JSON.stringify(mechanism.options)}` : "ops"} ${whole.backend().dtype}`;
    if (done.has(name)) continue;
    done.add(name);
    test(name, async () => {
      expect(await firstFailure(whole, law)).toBeUndefined();
    });
  }
});
