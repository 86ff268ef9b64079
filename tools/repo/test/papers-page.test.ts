import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { made } from "../../../apps/bench/test/reproduce/made.ts";
import { type Claim, experiments } from "../../papers/src/index.ts";
import { jobsOf, measureJob } from "../../papers/src/run/index.ts";
import { stale } from "../derive/derived.ts";
import { outdated, papers, papersPage } from "../derive/papers.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

describe("docs/papers.md; `pnpm derive` writes it", () => {
  const page = papers(root);
  test("is current, with its figures", () => expect(stale(root, page).map(({ path }) => path)).toEqual([]));
  test("no other files lie beside its figures", () => {
    const kept = page.map(({ path }) => path).filter((path) => path.startsWith("docs/papers/"));
    const found = existsSync(join(root, "docs/papers")) ? readdirSync(join(root, "docs/papers")) : [];
    expect(found.map((name) => `docs/papers/${name}`).sort()).toEqual(kept.sort());
  });
  test("every record has all cells of its experiment", () => expect(outdated(root, experiments)).toEqual([]));
});

describe("the page of a made experiment", () => {
  const folder = mkdtempSync(join(tmpdir(), "attnkit-papers-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const record = async (change: (outcomes: object[]) => object[] = (all) => all) => {
    const chosen = made.flatMap((experiment) => experiment.claims.map((claim) => ({ experiment, claim })));
    const settings = { size: "default", seeds: [1, 2, 3] } as const;
    const outcomes = [];
    for (const { size, alone, ...job } of jobsOf(chosen, settings)) {
      const context = { signal: new AbortController().signal, progress() {} };
      const values = await measureJob(made, { ...job, size, alone }, context);
      outcomes.push({ ...job, seconds: 1, values });
    }
    const environment = {
      ...{ cpu: "a processor", cores: 2, memory: 2 ** 33, platform: "linux", arch: "x64" },
      ...{ node: "20.19.0", v8: "11", packages: {}, commit: "0123456" },
    };
    const text = JSON.stringify(
      {
        ...{ format: "attnkit-papers-record/1", experiment: "made", environment },
        ...{ started: "2026-01-02T03:04:05.678Z", finished: "2026-01-02T03:05:05.678Z" },
        settings: {
          ...settings,
          claims: Object.fromEntries(chosen.map(({ claim }) => [`made/${claim.name}`, claim.rule])),
        },
        rulings: { "made/rises": "supported", "made/alone": "not supported" },
        outcomes: change(outcomes),
      },
      (_, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value),
    );
    mkdirSync(join(folder, "records"), { recursive: true });
    writeFileSync(join(folder, "records", "made.json"), text);
  };

  test("says that nothing is measured, until there is a record", async () => {
    expect(papersPage(folder, made, "records")[0]!.text).toContain("Not measured yet");
    await record();
    const [page, figure] = papersPage(folder, made, "records");
    expect(page!.text).not.toContain("Not measured yet");
    for (const words of [
      ...["| [made/rises](#made-rises) | arXiv:0000.00001v1 | supported |", "**Verdict: not supported.** y rises."],
      ...["![The mean rises with n.](papers/made-rise.svg)", "a processor, 2 cores", "0123456"],
      "npx --yes pnpm@12 attnkit reproduce made --claim rises\n",
    ])
      expect(page!.text).toContain(words);
    expect(figure).toMatchObject({ path: "docs/papers/made-rise.svg", text: expect.stringContaining("<svg") });
    expect(outdated(folder, made, "records")).toEqual([]);
  });

  test("a record that lacks a cell gives no verdict and is outdated", async () => {
    await record((all) => all.slice(1));
    expect(papersPage(folder, made, "records")[0]!.text).toContain("not measured: 1 of 9 cells are missing");
    expect(outdated(folder, made, "records")).toEqual(["made/rises: 1 of 9 cells are missing"]);
  });

  test("a rule or a ruling that has changed since the measurement gives no verdict", async () => {
    await record();
    const [experiment] = made;
    const [rises, alone] = experiment!.claims as [Claim, Claim];
    const later: Claim = { ...rises, rule: "Supported if it suits." };
    const turned: Claim = { ...alone, judge: () => ({ ruling: "supported", measured: "" }) };
    const changed = [{ ...experiment!, claims: [later, turned] }];
    expect(outdated(folder, changed, "records")).toEqual([
      "made/rises: the rule has changed since the measurement",
      "made/alone: the record says not supported and the present rule says supported",
    ]);
    expect(papersPage(folder, changed, "records")[0]!.text).not.toContain("Verdict: supported");
  });
});
