import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adapterKey, CALL_CLASSES, tileMisfit } from "@attnkit/wgsl";
import { describe, expect, test } from "vitest";
import { callOf, candidates } from "../src/tune/candidates.ts";
import { Tuned, type Tuning } from "../src/tune/file.ts";
import { fastest } from "../src/tune/tune.ts";
import { cli, folder } from "./harness.ts";

const dir = folder();

/** A device with default limits and the given adapter. */
const device = {
  adapterInfo: { vendor: "maker", architecture: "chip" },
  features: new Set<string>(),
  limits: {
    ...{ maxComputeWorkgroupStorageSize: 16384, maxComputeInvocationsPerWorkgroup: 256 },
    ...{ maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 28 },
  },
} as unknown as GPUDevice;

test("tune writes tiles that were checked and timed, says that a software adapter means nothing, and they are read back", async () => {
  const named = ["one rows, 64 channels", "many rows, 64 channels"];
  const { code, out, err } = await cli(dir, [
    ...["tune", "--smoke", "--rounds", "2", "--candidates", "3", "--out", "tiles.json"],
    ...named.flatMap((name) => ["--class", name]),
  ]);
  expect(err).toContain("timing one rows, 64 channels");
  expect([code, out.includes("these times mean nothing")]).toEqual([0, true]);
  const written = Tuned.parse(JSON.parse(readFileSync(join(dir, "tiles.json"), "utf8")));
  expect(written).toMatchObject({ complete: true, software: true, smoke: true });
  expect(written.classes.map(({ name }) => name)).toEqual(named);
  for (const { candidates, wrong } of written.classes) {
    expect([candidates.length, wrong]).toEqual([3, []]);
    for (const { samples, median } of candidates) expect([samples.length, median > 0]).toEqual([2, true]);
  }
});

test("bench uses the tiles of a file, and refuses one of another adapter or of another kind", async () => {
  const walk = { threads: 64, lanes: 2, keys: 32 };
  const tiles = (key: string, way: object) => {
    const file = JSON.parse(readFileSync(join(dir, "tiles.json"), "utf8"));
    writeFileSync(
      join(dir, "own.json"),
      JSON.stringify({ ...file, tiles: { [key]: { "one rows, 64 channels": way } } }),
    );
  };
  const bench = (out: string) =>
    cli(dir, [
      ...["bench", "--tiles", "own.json", "--backend", "webgpu", "--mechanism", "softmax", "--out", out],
      ...["--lengths", "16", "--decode-contexts", "40", "--rounds", "3", "--budget", "1", "--no-memory", "--dim", "8"],
    ]);
  tiles("maker chip", walk);
  expect(await bench("a")).toMatchObject({ code: 2, err: expect.stringMatching(/--tiles: was tuned on maker chip; /) });
  tiles("google swiftshader", { threads: 64 });
  expect(await bench("a")).toMatchObject({ code: 2, err: expect.stringMatching(/a file that attnkit tune wrote/) });
  tiles("google swiftshader", { threads: 64, lanes: 3, keys: 32 });
  expect(await bench("a")).toMatchObject({ code: 2, err: expect.stringMatching(/powers of two/) });
  tiles("google swiftshader", walk);
  expect(await bench("b")).toMatchObject({ code: 0 });
  const [results] = readdirSync(join(dir, "b")).filter((name) => name.endsWith(".json"));
  const { options } = JSON.parse(readFileSync(join(dir, "b", results!), "utf8"));
  expect(options.tiles).toEqual({ "google swiftshader": { "one rows, 64 channels": walk } });
});

test("wrong flags are refused before anything is measured", async () => {
  expect(await cli(dir, ["tune", "--class", "two rows"])).toMatchObject({
    code: 2,
    err: /Expected one of one rows, 64/,
  });
  expect(await cli(dir, ["tune", "--out", "missing/tiles.json"])).toMatchObject({ code: 2, out: "" });
});

describe("candidates", () => {
  test.each(CALL_CLASSES)("%s: the portable one first, all different, all fit the device", (name) => {
    const ways = candidates(device, name, callOf(name, false), 32);
    expect(new Set(ways.map((way) => JSON.stringify(way))).size).toBe(ways.length);
    expect(ways.length).toBeGreaterThan(5);
    expect(ways.length).toBeLessThanOrEqual(32);
    for (const way of ways) expect(tileMisfit(device, name, way), JSON.stringify(way)).toBeUndefined();
  });
  test("are chosen where they are faster for certain, and none was wrong", () => {
    const way = (lanes: number) => ({ threads: 64, lanes, keys: 128 });
    const timed = (lanes: number, q1: number, median: number, q3: number) => ({
      ...{ way: way(lanes), q1, median, q3, samples: [q1, median, q3] },
    });
    const tuning = (...candidates: Tuning["candidates"]): Tuning => ({
      ...{ name: "one rows, 64 channels", shapes: { q: [1], k: [1] }, candidates, wrong: [] },
    });
    expect(fastest(tuning(timed(1, 3, 4, 5), timed(2, 1, 2, 2.9), timed(4, 2, 2.5, 2.8)))).toEqual(way(2));
    expect(fastest(tuning(timed(1, 3, 4, 5), timed(2, 1, 2, 3.1)))).toBeUndefined();
    expect(fastest(tuning(timed(1, 3, 4, 5)))).toBeUndefined();
    const wrong = [{ way: way(8), error: null }];
    expect(fastest({ ...tuning(timed(1, 3, 4, 5), timed(2, 1, 2, 2.9)), wrong })).toBeUndefined();
  });
  test("are of the device's adapter", () => expect(adapterKey(device)).toBe("maker chip"));
});
