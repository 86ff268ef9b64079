import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { readRepo } from "../../structure/repo.ts";

const built = new Set(["node_modules", "dist", ".turbo", "results", "record", ".snippets"]);

/** Copies the workspace without tests' output and dependencies to a temporary folder; `link` makes its imports resolve. */
export function copyOf(root: string): string {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), "attnkit-growth-")));
  for (const name of ["packages", "apps", "tools", "README.md", "LICENSE", "package.json", "tsconfig.json"])
    cpSync(join(root, name), join(copy, name), { recursive: true, filter: (path) => !built.has(basename(path)) });
  cpSync(join(root, "tsconfig.base.json"), join(copy, "tsconfig.base.json"));
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction");
  return copy;
}

/** Links what each package.json declares, as an installation would: workspace packages of the copy, others of the original. */
export function link(copy: string, root: string): void {
  const { packages } = readRepo(copy);
  const dirs = new Map(packages.map(({ manifest, dir }) => [manifest.name, dir]));
  for (const { dir, manifest } of packages) {
    const { dependencies, devDependencies, peerDependencies } = manifest;
    for (const name of Object.keys({ ...peerDependencies, ...devDependencies, ...dependencies })) {
      const from = join(copy, dir, "node_modules", name);
      const own = dirs.get(name);
      const to = own === undefined ? installed(root, dir, name) : join(copy, own);
      if (to === undefined || existsSync(from)) continue;
      mkdirSync(dirname(from), { recursive: true });
      symlinkSync(to, from, "junction");
    }
  }
}

/** A third-party package where the original has it; a new folder of the copy takes that of any package. */
function installed(root: string, dir: string, name: string): string | undefined {
  const places = [
    dir,
    ...readdirSync(join(root, "packages/backends")).map((backend) => `packages/backends/${backend}`),
  ];
  const found = places.map((place) => join(root, place, "node_modules", name)).find((path) => existsSync(path));
  return found && realpathSync(found);
}

/** Writes a package's files into a new folder of the copy. */
export function add(copy: string, dir: string, files: Readonly<Record<string, string>>): void {
  if (existsSync(join(copy, dir))) throw new Error(`${dir} exists`);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(copy, dir, path)), { recursive: true });
    writeFileSync(join(copy, dir, path), text);
  }
}

/** The lines of a file of the copy that the original does not have. */
export function addedLines(copy: string, root: string, path: string): string[] {
  const lines = (from: string) => readFileSync(join(from, path), "utf8").split("\n");
  const before = new Set(lines(root));
  return lines(copy).filter((line) => !before.has(line));
}
