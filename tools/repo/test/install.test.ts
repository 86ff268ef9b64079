/**
 * The packages, from their tarballs, in projects outside this repository. `pnpm test` runs the cells of the matrix that are
 * marked as `part`; ATTNKIT_INSTALL=all, which `pnpm test:install` sets, runs all. They fetch tools from the registry.
 */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundled } from "../install/bundles.ts";
import { type Cell, cells, nameOf } from "../install/cells.ts";
import { managerProblems } from "../install/managers.ts";
import { compiledOutput, nodeOutput } from "../install/programs.ts";
import { type Setting, settingIn } from "../install/setting.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "attnkit-install-")));
let setting: Setting;
beforeAll(async () => {
  setting = await settingIn(folder);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }), 120_000);

const chosen = cells.filter(({ part }) => part || process.env.ATTNKIT_INSTALL === "all");

test.each(chosen.map((cell) => ({ name: nameOf(cell), cell })))("$name", { timeout: 300_000 }, async ({ cell }) => {
  await check(cell);
});

async function check(cell: Cell): Promise<void> {
  switch (cell.kind) {
    case "manager":
      return expect(await managerProblems(cell, setting)).toEqual([]);
    case "node":
      return expect(await nodeOutput(cell, setting)).toBe("agrees\n");
    case "typescript":
      return expect(await compiledOutput(cell, setting)).toBe("agrees\n");
    case "bundler": {
      const { output, chunks } = await bundled(cell, setting);
      expect(output.trim()).toBe("agrees");
      // The program for Node uses no kernels: none may be in any chunk. The page uses them.
      expect(chunks.some((text) => text.includes("@workgroup_size"))).toBe(cell.runs === "Chromium");
    }
  }
}

describe("the matrix", () => {
  test("has a cell of every kind in the part that pnpm test runs", () => {
    expect(new Set(cells.filter(({ part }) => part).map(({ kind }) => kind))).toEqual(
      new Set(["node", "bundler", "typescript"]),
    );
  });
  test("names no cell twice, and fixes every version", () => {
    const names = cells.map((cell) => `${nameOf(cell)} ${cell.part ?? ""}`);
    expect(new Set(names).size).toBe(names.length);
    const tools = cells.flatMap((cell) =>
      "tools" in cell ? cell.tools : "tool" in cell && cell.tool ? [cell.tool].flat() : [],
    );
    for (const tool of tools.filter((name) => /.@/.test(name))) expect(tool).toMatch(/.@\d+\.\d+\.\d+$/);
  });
});

test("a package that is broken is found: a project without it runs nothing", { timeout: 60_000 }, async () => {
  const empty = { ...setting, project: join(folder, "tarballs") };
  await expect(nodeOutput({ kind: "node", script: "use.mjs" }, empty)).rejects.toThrow("use.mjs");
});
