/** In a copy of the repository: each kind lands in its place, with its line in the catalog, and follows the rules of packages. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stale } from "../../repo/derive/derived.ts";
import { catalogDependencies, projectReferences } from "../../repo/derive/links.ts";
import { arrows, cycles, declared, light } from "../../repo/structure/arrows.ts";
import { readRepo } from "../../repo/structure/repo.ts";
import { entries, filesOf, manifests, ranges, readmes, references, short } from "../../repo/structure/shape.ts";
import { addedLines, copyOf } from "../../repo/test/growth/copy.ts";
import { main } from "../src/main.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const said: string[] = [];
let copy: string;

beforeAll(async () => {
  copy = copyOf(root);
  const run = (cwd: string, ...argv: string[]) =>
    main(argv, { cwd, out: (text) => said.push(text), err: (text) => said.push(text) });
  expect(await run(copy, "--kind", "backend", "--name", "new-backend", "--yes")).toBe(0);
  expect(await run(join(copy, "docs-of-mine"), "--kind", "mechanism", "--name", "novel", "--yes")).toBe(0);
  for (const template of ["node", "vite", "tfjs"])
    expect(await run(copy, "--kind", "app", "--template", template, "--name", `${template}-page`, "--yes")).toBe(0);
  // `pnpm derive` writes these.
  for (const { path, text } of stale(copy, [catalogDependencies(copy)])) writeFileSync(join(copy, path), text);
  for (const { path, text } of stale(copy, projectReferences(copy))) writeFileSync(join(copy, path), text);
}, 60_000);
afterAll(() => rmSync(copy, { recursive: true, force: true }));

test("each has its folder, and the catalog one line for each that it lists", () => {
  const dirs = ["packages/backends/new-backend", "packages/mechanisms/novel", "apps/node-page", "apps/tfjs-page"];
  for (const dir of dirs) expect(existsSync(join(copy, dir, "README.md")), dir).toBe(true);
  expect(addedLines(copy, root, "tools/catalog/src/backend-list.ts")).toEqual([
    'export { about as newBackend } from "@attnkit/new-backend/about";',
  ]);
  expect(addedLines(copy, root, "tools/catalog/src/mechanism-list.ts")).toEqual([
    'export { about as novel } from "@attnkit/novel/about";',
  ]);
  expect(said[0]).toContain(
    "npx --yes pnpm@12 derive\n  npx vitest run --project node packages/backends/new-backend\n",
  );
});

test("the lists stay in alphabetical order", () => {
  for (const list of ["backend-list.ts", "mechanism-list.ts"]) {
    const text = readFileSync(join(copy, "tools/catalog/src", list), "utf8");
    const lines = text.split("\n").filter((line) => line.startsWith("export"));
    expect(lines).toEqual([...lines].sort());
  }
});

test.each(
  Object.entries({ arrows, declared, light, cycles, short, manifests, ranges, filesOf, readmes, entries, references }),
)("structure: %s", (_, rule) => expect(rule(readRepo(copy))).toEqual([]));

test("tests run in Vitest there, and no placeholder is left", () => {
  const { packages } = readRepo(copy);
  for (const { dir, files } of packages.filter(({ dir }) => /new-backend|novel|-page$/.test(dir))) {
    const text = [...files.values()].join("\n");
    expect(text, dir).not.toMatch(/node:test|my-?(backend|mechanism|app)/i);
  }
});

test("a name that a package has, and a failure to write the list, leave nothing behind", async () => {
  const err: string[] = [];
  const io = { cwd: copy, out: () => {}, err: (text: string) => err.push(text) };
  expect(await main(["--kind", "backend", "--name", "linear", "--yes"], io)).toBe(1);
  expect(err.join("")).toContain("packages/mechanisms/linear is already the package @attnkit/linear");
  const list = join(copy, "tools/catalog/src/backend-list.ts");
  rmSync(list);
  mkdirSync(list);
  await expect(main(["--kind", "backend", "--name", "unlucky", "--yes"], io)).rejects.toThrow("EISDIR");
  expect(existsSync(join(copy, "packages/backends/unlucky"))).toBe(false);
});
