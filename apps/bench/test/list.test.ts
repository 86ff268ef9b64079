import { backends, mechanisms } from "@attnkit/catalog";
import { expect, test } from "vitest";
import { cli, folder } from "./harness.ts";

const dir = folder();

test("list names every mechanism and backend", async () => {
  const { code, out } = await cli(dir, ["list"]);
  expect(code).toBe(0);
  for (const { name } of [...mechanisms, ...backends]) expect(out).toContain(name);
});

test("list --markdown is the support table alone", async () => {
  const { out } = await cli(dir, ["list", "--markdown"]);
  const lines = out.trimEnd().split("\n");
  expect(lines.length).toBe(2 + mechanisms.length);
  expect(lines.every((l) => l.startsWith("|") && l.endsWith("|"))).toBe(true);
  expect(
    lines[0]!
      .split("|")
      .map((c) => c.trim())
      .slice(-1 - backends.length, -1),
  ).toEqual(backends.map((b) => b.name));
});

test("list --json is data", async () => {
  const { mechanisms: rows, backends: columns } = JSON.parse((await cli(dir, ["list", "--json"])).out);
  expect([rows.length, columns.length]).toEqual([mechanisms.length, backends.length]);
});

test("no command, a wrong one, and help", async () => {
  expect(await cli(dir, [])).toMatchObject({ code: 2, out: "" });
  expect(await cli(dir, ["bnech"])).toEqual({
    code: 2,
    out: "",
    err: "attnkit: unknown command 'bnech' (Did you mean bench?)\n",
  });
  for (const args of [["--help"], ["bench", "--help"], ["run", "--help"], ["conform", "--help"], ["list", "--help"]]) {
    expect(await cli(dir, args)).toMatchObject({ code: 0, err: "" });
  }
});

test("a backend of browsers alone is listed, and refused by name", async () => {
  const why = "WebGL runs only in a browser, and this is Node";
  expect((await cli(dir, ["list"])).out).toMatch(
    /tfjs-webgl +float32; not available here: .*WebGL runs only in a browser/,
  );
  for (const args of [
    ["conform", "--law", "op-exp"],
    ["bench", "--quick", "--out", "never"],
  ]) {
    const { code, out, err } = await cli(dir, [...args, "--backend", "tfjs-webgl"]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(why);
    expect(err).toContain("--backend tfjs-webgl");
  }
});
