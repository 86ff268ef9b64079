import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Results } from "@attnkit/measure/results";
import { expect, test, vi } from "vitest";
import { z } from "zod";
import { cpuRun } from "../src/commands/record-runs.ts";
import { groups, nameOf } from "../src/gpu/sizes.ts";
import { environment } from "../src/measure/environment.ts";
import { Record } from "../src/record.ts";
import { empty, type Tuned } from "../src/tune/file.ts";

vi.setConfig({ testTimeout: 300_000 });

import { cli, folder } from "./harness.ts";

const dir = folder();
/** The software adapter, as `adapterKey` names it. */
const SWIFTSHADER = "google swiftshader";

test("the committed JSON Schema is that of the code", () => {
  const schema = readFileSync(new URL("../record/schema.json", import.meta.url), "utf8");
  expect(JSON.parse(schema)).toEqual(z.toJSONSchema(Record));
});

/** A trial record of the software adapter, in a folder of its own. `until`: a word of the progress at which it is interrupted. */
async function trial(
  folder: string,
  flags: readonly string[] = [],
  until?: string,
): Promise<{ record: Record; out: string }> {
  const stop = new AbortController();
  const { code, out } = await cli(dir, ["bench", "--record", "gpu", "--smoke", "--out", folder, ...flags], {
    signal: stop.signal,
    onErr: (text) => void (until !== undefined && text.includes(until) && stop.abort()),
  });
  expect(code).toBe(until === undefined ? 0 : 130);
  const [file] = readdirSync(join(dir, folder));
  return { record: Record.parse(JSON.parse(readFileSync(join(dir, folder, file!), "utf8"))), out };
}

let made: ReturnType<typeof trial> | undefined;
/** The trial record without flags, which two tests read. */
const portable = (): ReturnType<typeof trial> => (made ??= trial("portable"));

test("a trial record has every group, checked, and says that its adapter is software", async () => {
  const { record, out } = await portable();
  expect([record.complete, record.smoke, record.table]).toEqual([true, true, null]);
  expect(out).toContain("The kernels used the portable tiles.");
  expect(record.groups.map((g) => g.name)).toEqual(groups(true).map(nameOf));
  expect(Object.keys(record.versions)).toContain("webgpu");
  for (const column of ["webgpu", "tfjs-webgpu", "ort-webgpu"]) expect(record.adapters[column]!.software).toBe(true);
  for (const { name, cells } of record.groups) {
    expect(out).toContain(`## ${name}\n\nSoftware adapter: correctness only`);
    const own = cells.filter((c) => c.role === "attnkit" && c.dtype === "float32");
    expect(own.map((c) => [c.id, c.status])).toEqual(own.map((c) => [c.id, "ok"]));
    for (const c of cells) expect(["ok", "refused"]).toContain(c.status);
    for (const c of cells.filter((x) => x.status === "ok")) expect(c.checks.every((check) => check.passed)).toBe(true);
  }
  expect(record.findings.length).toBeGreaterThan(10);
  for (const { ratio } of record.findings) expect(ratio).toBe(null);
  expect(record.onnx!.models.length).toBe(25);
});

test("a record with tuned tiles computes with them and names their table; a table of another adapter is refused", async () => {
  const walk = { threads: 64, lanes: 2, keys: 8 };
  const about = { adapter: { key: SWIFTSHADER, name: "software" }, software: true, smoke: true };
  const table = async (tiles: Tuned["tiles"]) =>
    writeFileSync(
      join(dir, "tiles.json"),
      JSON.stringify({ ...empty({ ...about, environment: await environment() }), tiles }),
    );
  await table({ "maker chip": { "one rows, 64 channels": walk } });
  const refused = await cli(dir, [
    ...["bench", "--record", "gpu", "--smoke", "--out", "refused"],
    ...["--tiles", "tiles.json"],
  ]);
  expect(refused).toMatchObject({
    ...{ code: 2, out: "" },
    err: expect.stringContaining(`--tiles: was tuned on maker chip; this adapter is ${SWIFTSHADER}`),
  });
  expect(existsSync(join(dir, "refused"))).toBe(false);

  const tiles = { [SWIFTSHADER]: { "one rows, 64 channels": walk } };
  await table(tiles);
  const { record, out } = await trial("tuned", ["--tiles", "tiles.json"], "linear-time");
  expect(record.table).toMatchObject({ file: "tiles.json", complete: false, smoke: true, tiles });
  expect(out).toContain(`1 of 12 classes of calls on ${SWIFTSHADER}. Other calls used the portable tiles.`);
  const decode = ({ groups }: Record) =>
    groups
      .find((g) => g.what === "decode")!
      .cells.filter((c) => c.name === "softmax" && c.column !== "ort-webgpu" && c.role === "attnkit");
  const before = decode((await portable()).record);
  expect(before.length).toBe(3);
  // 33 keys are one part of the portable walk and five of this one, whose results one more dispatch merges.
  for (const [i, { id, status, gpu }] of decode(record).entries())
    expect([id, status, gpu!.dispatches]).toEqual([before[i]!.id, "ok", before[i]!.gpu!.dispatches + 1]);
});

test("a record of the processor holds the default run, with every mechanism checked and timed", async () => {
  const out = join(dir, "cpu");
  const { code, out: text } = await cli(dir, ["bench", "--record", "cpu", "--smoke", "--out", "cpu"]);
  expect(code).toBe(0);
  expect(text).toContain(`Written: ${join("cpu", "cpu.json")}`);
  expect(readdirSync(out)).toEqual(["cpu.json"]);
  const results = Results.parse(JSON.parse(readFileSync(join(out, "cpu.json"), "utf8")));
  expect([results.complete, results.options]).toEqual([true, cpuRun(true)]);
  expect(results.cells.length).toBeGreaterThanOrEqual(5);
  for (const { status, prefill, decode } of results.cells)
    expect([status, prefill.length, decode.length]).toEqual(["ok", 2, 2]);
});

test("the record of the processor has the options of a run without flags", async () => {
  const { code } = await cli(dir, ["bench", "--out", "plain"], { signal: AbortSignal.abort() });
  expect(code).toBe(130);
  const file = readdirSync(join(dir, "plain")).find((name) => name.endsWith(".json"))!;
  expect(JSON.parse(readFileSync(join(dir, "plain", file), "utf8")).options).toEqual(cpuRun(false));
});

test("an interrupted record writes nothing", async () => {
  const { code, err } = await cli(dir, ["bench", "--record", "cpu", "--smoke", "--out", "none"], {
    signal: AbortSignal.abort(),
  });
  expect(code).toBe(130);
  expect(err).toContain("interrupted; no record was written");
  expect(existsSync(join(dir, "none", "cpu.json"))).toBe(false);
});

test.each([
  [["--record", "gpu", "--heads", "3"], /--record gpu: .*cannot be combined with --heads/],
  [["--record", "cpu", "--tiles", "tiles.json"], /--record cpu: .*cannot be combined with --tiles/],
  [["--record", "gpu", "--tiles", "missing.json"], /missing\.json/],
  [["--smoke"], /--smoke: works only together with --record/],
  [["--record", "tpu"], /--record <what>.*cpu, gpu/],
])("bad flags: %j", async (args, reason) => {
  const { code, err } = await cli(dir, ["bench", ...args]);
  expect(code).toBe(2);
  expect(err).toMatch(reason);
});
