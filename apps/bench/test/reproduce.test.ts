/** `attnkit reproduce` as a process, with a small experiment that is made for these tests. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { folder } from "./harness.ts";
import { attnkit, bundled, type Ended, inProcess } from "./reproduce/process.ts";

const dir = folder();
bundled();
/** A whole run with one process, to which the others are compared. It is in the folder `one`. */
let one: Ended;
beforeAll(async () => {
  one = await inProcess(dir, ["made", "--out", "one", "--jobs", "1"]);
}, 60_000);

const read = (...path: string[]) => readFileSync(join(dir, ...path), "utf8");
const table = (out: string) => read(out, "table.csv");
const journal = (out: string) => read(out, "journal.jsonl").split("\n").slice(1, -1);
/** Resolves once the journal of a run has this many cells. */
async function cells(out: string, count: number): Promise<void> {
  while (!existsSync(join(dir, out, "journal.jsonl")) || journal(out).length < count)
    await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("a whole run", () => {
  test("says each verdict and writes everything; the number of processes changes nothing", async () => {
    const log = join(dir, "log");
    const two = await attnkit(dir, ["--out", "two", "--jobs", "2"], { MADE_DELAY: "80", MADE_LOG: log });
    expect([one.code, two.code]).toEqual([0, 0]);
    expect(one.out).toMatch(
      /^made\/rises: supported\. y is 2\.\d+ at 2 and 8\.\d+ at 8\.\nmade\/alone: not supported\. y rises\.\n/,
    );
    expect(one.err).toContain("made/alone needs 4 seeds and uses 101, 102, 103, 104");
    expect(table("one")).toBe(table("two"));
    expect(table("one").split("\r\n")[9]).toMatch(/^made,rises,103,8,8\.\d+,NaN$/);
    expect(table("one").split("\r\n")).toHaveLength(1 + 9 + 12 + 1);
    expect(readdirSync(join(dir, "one")).sort()).toEqual([
      "figures",
      "journal.jsonl",
      "report.html",
      "report.md",
      "results.json",
      "table.csv",
    ]);
    expect(read("one", "figures", "made-rise.svg")).toBe(read("two", "figures", "made-rise.svg"));
    const order = readFileSync(log, "utf8").trim().split("\n");
    // Cells whose times count begin after all others, and none begins before the one before it has ended.
    expect(order.slice(18)).toEqual(Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? "begin alone" : "end alone")));
    expect(order.slice(0, 18).join(" ")).toContain("begin rises begin rises");
  });

  test("results.json holds claims, rows with NaN as a string, and verdicts", () => {
    const { format, claims } = JSON.parse(read("one", "results.json"));
    expect(format).toBe("attnkit-reproduce/1");
    expect(claims[0]).toMatchObject({ claim: "rises", withheld: null, verdict: { ruling: "supported" } });
    expect(claims[0].rows[8].values.diverges).toBe("NaN");
  });

  test("the reports state claim, source, rule, deviation, verdict, figure, table and command", () => {
    for (const file of ["report.md", "report.html"])
      for (const words of [
        "y grows with n.",
        "arXiv:0000.00001v1",
        "Section 1",
        "There is no paper.",
        "the mean at n = 8",
        "supported",
        "figures/made-rise.svg",
        "diverged with 1 of 3 seeds",
        "attnkit reproduce made --claim rises",
      ])
        expect(read("one", file), file).toContain(words);
    expect(read("one", "report.html")).toContain("On &#60;made&#62; things");
  });

  test("other seeds: a list, a first seed, a count above the minimum", async () => {
    const seeds = async (...args: string[]) => {
      expect((await inProcess(dir, ["--claim", "made/alone", "--out", "seeds", ...args])).code).toBe(0);
      return [
        ...new Set(
          table("seeds")
            .split("\r\n")
            .slice(1, -1)
            .map((line) => line.split(",")[2]),
        ),
      ].join();
    };
    expect(await seeds("--seeds", "9,7")).toBe("7,9,10,11");
    expect(await seeds("--seeds", "5", "--seed", "40")).toBe("40,41,42,43,44");
  });
});

describe("an interrupted run", () => {
  const slow = { MADE_DELAY: "30" };

  test("SIGKILL at any moment: --resume gives the same table, from a torn journal as well", async () => {
    await attnkit(dir, ["--out", "killed"], slow, (child) => void cells("killed", 4).then(() => child.kill("SIGKILL")));
    expect(existsSync(join(dir, "killed", "table.csv"))).toBe(false);
    const kept = journal("killed").length;
    expect(kept).toBeLessThan(21);
    appendFileSync(join(dir, "killed", "journal.jsonl"), '{"experiment":"made","cla');
    const refused = await inProcess(dir, ["--out", "killed"]);
    expect(refused).toMatchObject({ code: 2, out: "" });
    expect(refused.err).toMatch(
      /^attnkit: killed: holds an unfinished run of .* \(\d+ of 21 cells\); continue it with --resume.*\n$/,
    );
    expect((await inProcess(dir, ["--out", "killed", "--resume"])).code).toBe(0);
    expect(table("killed")).toBe(table("one"));
    expect(journal("killed")).toHaveLength(21);
  });

  test("SIGINT keeps what is finished and names --resume; other settings are refused", async () => {
    const stop = await attnkit(
      dir,
      ["--out", "stopped"],
      slow,
      (child) => void cells("stopped", 3).then(() => child.kill("SIGINT")),
    );
    expect([stop.code, stop.out]).toEqual([130, ""]);
    expect(stop.err).toMatch(/interrupted after \d+ of 21 cells; the same command with --resume continues\n$/);
    expect(readdirSync(join(dir, "stopped"))).toEqual(["journal.jsonl"]);
    const other = await inProcess(dir, ["--out", "stopped", "--resume", "--seed", "2"]);
    expect(other).toMatchObject({ code: 2, out: "" });
    expect(other.err).toContain("was begun with the seeds 101,102,103, and these are 2,3,4");
    expect((await inProcess(dir, ["--out", "stopped", "--resume"])).code).toBe(0);
    expect(table("stopped")).toBe(table("one"));
  });

  test("a damaged line is refused and nothing is changed", async () => {
    mkdirSync(join(dir, "damaged"));
    const lines = read("one", "journal.jsonl").split("\n");
    const text = [...lines.slice(0, 3), "{", ...lines.slice(4)].join("\n");
    writeFileSync(join(dir, "damaged", "journal.jsonl"), text);
    const { code, err } = await inProcess(dir, ["--out", "damaged", "--resume"]);
    expect([code, err.split("\n").length]).toEqual([2, 2]);
    expect(err).toContain("line 4 is no line of a journal");
    expect(read("damaged", "journal.jsonl")).toBe(text);
  });
});

describe("failures", () => {
  test.each([
    ["throw", "n = 4 is <unlucky>"],
    ["die", "the process of this cell ended with SIGKILL"],
    ["crash", "the process of this cell ended with code 1 (Error: nobody handles this)"],
  ])("a cell that does %s: no verdict, exit code 1, and the rest is measured", async (how, why) => {
    const { code, out } = await attnkit(dir, ["--out", how], { MADE_FAIL: how });
    expect(code).toBe(1);
    expect(out).toContain("made/rises: not measured: 1 of 9 cells failed");
    expect(out).toContain(why);
    expect(table(how).split("\r\n")).toHaveLength(1 + 8 + 11 + 1);
    expect(read(how, "report.html")).toContain(why.replaceAll("<", "&#60;").replaceAll(">", "&#62;"));
    // A failed cell is measured again.
    expect((await inProcess(dir, ["--out", how, "--resume"])).code).toBe(0);
    expect(table(how)).toBe(table("one"));
  });

  test("a folder that can't be written: one line, exit code 2, before anything is measured", async () => {
    writeFileSync(join(dir, "file"), "");
    const { code, out, err } = await inProcess(dir, ["--out", "file/results"]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/^attnkit: file\/results: a part of the path is not a folder; expected .*\n$/);
  });

  test.each([
    [["maed"], 'there is no experiment "maed"; expected made; did you mean made?'],
    [["--claim", "rise"], 'there is no claim "rise"; expected rises, alone; did you mean rises?'],
    [["--seeds", "1,2", "--seed", "4"], "cannot be combined with a list of --seeds"],
    [["--record", "--full"], "--record: needs the default size"],
  ])("%j is refused", async (args, why) => {
    const { code, out, err } = await inProcess(dir, [...args, "--out", "never"]);
    expect([code, out, err.split("\n").length]).toEqual([2, "", 2]);
    expect(err).toContain(why);
    expect(existsSync(join(dir, "never"))).toBe(false);
  });
});

test("--record writes the outcomes of every claim; --list then predicts times", async () => {
  expect((await inProcess(dir, ["--list"])).out).toContain("rises: 3 cells, 3 seeds, time not measured yet");
  expect((await inProcess(dir, ["--out", "recorded", "--record"])).code).toBe(0);
  const record = JSON.parse(read("records", "made.json"));
  expect([record.format, record.outcomes.length]).toEqual(["attnkit-papers-record/1", 21]);
  const { out } = await inProcess(dir, ["--list"]);
  expect(out).toContain("alone: 3 cells, 4 seeds, one at a time, about 1 s");
});
