/** In a copy of the repository, a mechanism and a backend are added as their authors would: what else has to be edited? */
import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stale } from "../derive/derived.ts";
import { catalogDependencies, projectReferences } from "../derive/links.ts";
import { arrows, cycles, declared, light } from "../structure/arrows.ts";
import { readRepo } from "../structure/repo.ts";
import { entries, filesOf, manifests, ranges, readmes, references, short } from "../structure/shape.ts";
import { add, addedLines, copyOf, link } from "./growth/copy.ts";
import { sigmoid } from "./growth/sigmoid.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const MECHANISMS = "tools/catalog/src/mechanism-list.ts";
const BACKENDS = "tools/catalog/src/backend-list.ts";
let copy: string;
/** The files outside the two new folders that the script wrote. */
const derived: string[] = [];

beforeAll(async () => {
  copy = copyOf(root);
  link(copy, root);
  const cpu = readRepo(root).packages.find(({ dir }) => dir === "packages/backends/cpu")!;
  const files = [...cpu.files].filter(([path]) => !path.startsWith("test/") && !path.startsWith("bench/"));
  // A second backend over plain arrays: that of cpu under another name and kind.
  const renamed = files.map(([path, text]) => [path, text.replaceAll(/\bcpu\b/g, "mirror")] as const);
  add(copy, "packages/mechanisms/sigmoid", sigmoid(readFileSync(join(root, "LICENSE"), "utf8")));
  add(copy, "packages/backends/mirror", Object.fromEntries(renamed));

  // The edits by hand.
  appendFileSync(join(copy, MECHANISMS), 'export { about as sigmoid } from "@attnkit/sigmoid/about";\n');
  appendFileSync(join(copy, BACKENDS), 'export { about as mirror } from "@attnkit/mirror/about";\n');

  // `pnpm derive`, with links in place of an installation.
  const write = (all: ReturnType<typeof stale>) => {
    for (const { path, text } of stale(copy, all)) {
      writeFileSync(join(copy, path), text);
      derived.push(path);
    }
  };
  write([catalogDependencies(copy)]);
  link(copy, root);
  write(projectReferences(copy));
  const { tables } = await of("tools/repo/derive/tables.ts");
  write(tables(copy));
}, 60_000);
afterAll(() => rmSync(copy, { recursive: true, force: true }));

const of = (path: string) => import(/* @vite-ignore */ pathToFileURL(join(copy, path)).href);

test("one line by hand for each; the script writes the rest", () => {
  expect(addedLines(copy, root, MECHANISMS)).toHaveLength(1);
  expect(addedLines(copy, root, BACKENDS)).toHaveLength(1);
  expect(derived.sort()).toEqual([
    "README.md",
    "packages/mechanisms/sigmoid/README.md",
    "tools/catalog/package.json",
    "tools/catalog/tsconfig.json",
  ]);
});

test("the tables have both", () => {
  const readme = readFileSync(join(copy, "README.md"), "utf8");
  expect(readme).toMatch(/\| \[`@attnkit\/sigmoid`\]\(packages\/mechanisms\/sigmoid\) \| sigmoid attention \|/);
  expect(readme).toMatch(/\| mechanism .* \| cpu +\| mirror +\|/);
  const own = readFileSync(join(copy, "packages/mechanisms/sigmoid/README.md"), "utf8");
  expect(own).toContain("| `offset` | a finite number from -20 to 20 | `0` | Is added to every score;");
});

test.each(
  Object.entries({ arrows, declared, light, cycles, short, manifests, ranges, filesOf, readmes, entries, references }),
)("structure: %s", (_, rule) => expect(rule(readRepo(copy))).toEqual([]));

test("types", { timeout: 120_000 }, () => {
  const include = ["packages/*/src", "packages/*/*/src", "tools/catalog/src", "apps/bench/src", "apps/demo/src"];
  writeFileSync(join(copy, "tsconfig.growth.json"), JSON.stringify({ extends: "./tsconfig.json", include }));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.growth.json"], {
    ...{ cwd: copy, encoding: "utf8" },
  });
  expect([stdout, status]).toEqual(["", 0]);
});

describe("the tools know both", { timeout: 60_000 }, () => {
  const run = async (...argv: string[]) => {
    const { main } = await of("apps/bench/src/program.ts");
    let [out, err] = ["", ""];
    const io = {
      out: (text: string) => {
        out += text;
      },
      err: (text: string) => {
        err += text;
      },
      ...{ columns: 0, cwd: copy, signal: new AbortController().signal },
    };
    return { code: await main(argv, io), out, err };
  };

  test("the command line lists them and has a flag for the option", async () => {
    expect((await run("list", "--markdown")).out).toMatch(/\n\| sigmoid +\|/);
    expect((await run("run", "--help")).out).toMatch(/--offset <x>\s+sigmoid: is added to every score/);
  });

  test("the plan of the suite has the mechanism, and it passes on the backend", async () => {
    const { code, out } = await run("conform", "--mechanism", "sigmoid", "--backend", "mirror", "--law", "oracle");
    expect(code).toBe(0);
    expect(out).toContain("sigmoid");
    const refused = await run("conform", "--mechanism", "sigmoid", "--options", '{"offset":21}', "--backend", "mirror");
    expect(refused.err).toContain("sigmoid: option offset is 21; expected a finite number from -20 to 20");
  });

  test("the demo has a card with a slider", async () => {
    const { kinds } = await of("apps/demo/src/look/kinds.ts");
    const { params, options } = kinds.find(({ name }: { name: string }) => name === "sigmoid");
    expect(params).toEqual([
      { kind: "number", key: "offset", label: "Offset b", fallback: 0, min: -4, max: 4, step: 0.5 },
    ]);
    expect(options({ offset: -2 })).toEqual({ offset: -2 });
  });
});
