/**
 * `@attnkit/webgpu` on wgpu, which is Firefox's WebGPU, in Deno. All other tests of WebGPU run on Dawn, which is Chromium's.
 * One process runs every case, because each pipeline is compiled once per device and compiling takes most of the time.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { vectorPaths } from "../vectors/vector-files.ts";
import { type Ended, MOST_MS, runInDeno } from "./deno.ts";
import { type CaseId, casesOf, type DenoResult, parts } from "./selection.ts";

const everyLaw = process.env.ATTNKIT_DENO_LAWS === "all";
const cases = casesOf(await parts(everyLaw));
const nameOf = ({ part, mechanism, law }: CaseId) => `${part}: ${mechanism}: ${law}`;

let ended: Ended;
let results: DenoResult[];

describe("the conformance suite on wgpu", () => {
  beforeAll(async () => {
    const args = [everyLaw ? "every law" : "some laws"];
    ended = await runInDeno("suite", { entry: "suite.ts" }, { args, files: vectorPaths() });
    results = ended.out
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }, MOST_MS);

  test("the program finds an adapter and ends without an error", () => {
    expect(ended).toMatchObject({ err: "", code: 0 });
    expect(results[0]).toMatchObject({ kind: "adapter" });
  });

  test.each([...new Set(cases.map(nameOf))])("%s", (name) => {
    const found = results.flatMap((x) => (x.kind === "case" && nameOf(x) === name ? [x] : []));
    expect(found.map(({ title }) => title)).toEqual(cases.filter((x) => nameOf(x) === name).map(({ title }) => title));
    expect(found.flatMap(({ title, errors }) => errors.map((error) => `${title}: ${error}`))).toEqual([]);
  });

  test("golden vectors", () => {
    const found = results.flatMap((x) => (x.kind === "vector" ? [x] : []));
    expect(found.length).toBeGreaterThan(0);
    expect(found.flatMap(({ name, errors }) => errors.map((error) => `${name}: ${error}`))).toEqual([]);
  });
});
