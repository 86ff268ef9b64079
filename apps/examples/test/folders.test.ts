/** Rules that make every example a folder that can be copied. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { importsOf, packageOf } from "../../../tools/repo/structure/repo.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const names = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !["test", "node_modules"].includes(entry.name))
  .map(({ name }) => name);

/** The source files of a folder, with their paths in it. */
function sources(folder: string, inside = ""): { path: string; text: string }[] {
  return readdirSync(join(folder, inside), { withFileTypes: true }).flatMap((entry) => {
    const path = join(inside, entry.name);
    if (entry.isDirectory()) return ["node_modules", "dist"].includes(entry.name) ? [] : sources(folder, path);
    return /\.(js|ts|tsx)$/.test(entry.name) ? [{ path, text: readFileSync(join(folder, path), "utf8") }] : [];
  });
}

test("the examples are found, and the index lists each", () => {
  expect(names.length).toBeGreaterThanOrEqual(5);
  const index = readFileSync(join(root, "README.md"), "utf8");
  for (const name of names) expect(index).toContain(`[${name}](${name})`);
});

describe.each(names)("%s", (name) => {
  const read = (file: string) => readFileSync(join(root, name, file), "utf8");
  const { dependencies = {}, devDependencies = {}, ...manifest } = JSON.parse(read("package.json"));
  const imports = sources(join(root, name)).flatMap(({ path, text }) =>
    importsOf(text).map(({ specifier }) => ({ path, specifier })),
  );

  test("is private, and its README has the line that installs it", () => {
    expect(manifest).toMatchObject({ name: `example-${name}`, private: true, type: "module" });
    const install = read("README.md")
      .split("\n")
      .find((line) => line.startsWith("npm install "));
    expect(install?.split(" ").slice(2).sort()).toEqual(expect.arrayContaining(Object.keys(dependencies).sort()));
  });

  test("its package.json names what it imports", () => {
    const used = imports.flatMap(({ specifier }) => packageOf(specifier) ?? []);
    expect(Object.keys({ ...dependencies, ...devDependencies })).toEqual(expect.arrayContaining(used));
  });

  test("no import leaves its folder", () => {
    for (const { path, specifier } of imports)
      if (specifier.startsWith(".")) expect(join(path, "..", specifier)).not.toMatch(/^\.\./);
  });

  test("attnkit comes from the workspace, everything else has an exact version", () => {
    for (const [dependency, range] of Object.entries({ ...dependencies, ...devDependencies }))
      expect(range).toMatch(dependency.startsWith("@attnkit/") ? /^workspace:\^$/ : /^\d+\.\d+\.\d+$/);
  });
});
