/** `changeset version` in a copy of the workspace: do pending changesets give the versions that they ask for? */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { published, root } from "../release/published.mjs";

type Bump = "patch" | "minor" | "major";
interface Changeset {
  readonly bumps: Readonly<Record<string, Bump>>;
  readonly text: string;
}

const order: readonly Bump[] = ["patch", "minor", "major"];
const cli = createRequire(import.meta.url).resolve("@changesets/cli/bin.js");
let copy: string;
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), "attnkit-version-"));
  const files = git(root, "ls-files", "--cached", "--others", "--exclude-standard")
    .split("\n")
    .filter((file) => /(^|\/)(package\.json|CHANGELOG\.md|pnpm-workspace\.yaml)$|^\.changeset\//.test(file));
  for (const file of files.filter((name) => existsSync(join(root, name))))
    cpSync(join(root, file), join(copy, file), { recursive: true });
  git(copy, "init", "--quiet", "--initial-branch=main");
  commit();
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));

test("pending changesets give the versions that they ask for, and no other package more than a patch", () => {
  const changesets = pending();
  const before = versions();
  version();
  const after = versions();
  for (const { name, dir } of published()) {
    const own = changesets.filter(({ bumps }) => name in bumps);
    if (own.length === 0) {
      expect([before[name], increased(before[name]!, "patch")], name).toContain(after[name]);
      continue;
    }
    const bump = own.map(({ bumps }) => bumps[name]!).reduce((a, b) => (order.indexOf(a) > order.indexOf(b) ? a : b));
    expect(`${name} ${after[name]}`).toBe(`${name} ${increased(before[name]!, bump)}`);
    const log = readFileSync(join(copy, dir, "CHANGELOG.md"), "utf8");
    for (const { text } of own) expect(log).toContain(text.split("\n")[0]);
  }
  expect(pending()).toEqual([]);
});

test("a minor change of every package makes no package major", () => {
  only("minor", Object.keys(versions()));
  const before = versions();
  version();
  const wanted = Object.entries(before).map(([name, old]) => [name, increased(old, "minor")]);
  expect(versions()).toEqual(Object.fromEntries(wanted));
});

test("a patch of core releases core alone: its dependents accept it", () => {
  only("patch", ["@attnkit/core"]);
  const before = versions();
  version();
  expect(versions()).toEqual({ ...before, "@attnkit/core": increased(before["@attnkit/core"]!, "patch") });
});

const versions = (): Record<string, string> =>
  Object.fromEntries(published(copy).map(({ name, manifest }) => [name, manifest.version]));

/** Returns the next version of a kind. Versions below 1.0.0 count like others. */
function increased(from: string, bump: Bump): string {
  const [major, minor, patch] = from.split(".").map(Number) as [number, number, number];
  return { major: `${major + 1}.0.0`, minor: `${major}.${minor + 1}.0`, patch: `${major}.${minor}.${patch + 1}` }[bump];
}

function pending(): Changeset[] {
  const names = readdirSync(join(copy, ".changeset")).filter((name) => name.endsWith(".md") && name !== "README.md");
  return names.map((name) => {
    const [, head, text] = /^---\n(.*?)^---\n(.*)$/ms.exec(readFileSync(join(copy, ".changeset", name), "utf8"))!;
    return { bumps: parse(head!) ?? {}, text: text!.trim() };
  });
}

/** Replaces the pending changesets by one. */
function only(bump: Bump, names: readonly string[]): void {
  for (const name of readdirSync(join(copy, ".changeset")))
    if (name.endsWith(".md")) rmSync(join(copy, ".changeset", name));
  const lines = names.map((name) => `"${name}": ${bump}\n`).join("");
  writeFileSync(join(copy, ".changeset/one.md"), `---\n${lines}---\n\nA change.\n`);
  commit();
}

function version(): void {
  execFileSync(process.execPath, [cli, "version"], { cwd: copy, stdio: "pipe" });
}

function commit(): void {
  git(copy, "add", "--all");
  git(copy, "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "--quiet", "--message=before");
}

function git(cwd: string, ...args: string[]): string {
  return execFileSync("git", args, { cwd, encoding: "utf8" });
}
