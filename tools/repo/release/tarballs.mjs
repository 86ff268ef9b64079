import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { published, root } from "./published.mjs";

/**
 * Packs every published package into a folder, so that the tarballs can be installed together. In them, a dependency on
 * another attnkit package is the absolute path of its tarball: the registry does not have these versions. npm would also
 * accept the range. pnpm and Yarn ask the registry for a range, even if a tarball that satisfies it is installed beside it.
 * @returns {{ name: string, file: string }[]} The packages and the absolute paths of their tarballs.
 */
export function packTogether(/** @type {string} */ folder) {
  const to = resolve(folder);
  const all = published();
  const files = new Map(all.map(({ name, manifest }) => [name, join(to, tarballName(name, manifest.version))]));
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(to))
    if (all.some(({ name }) => file.replace(/-\d+\.\d+\.\d+.*$/, "-.tgz") === tarballName(name, "")))
      rmSync(join(to, file));
  const temporary = mkdtempSync(join(tmpdir(), "attnkit-pack-"));
  try {
    pack(
      all.map(({ name }) => name),
      temporary,
    );
    for (const file of files.values()) rewrite(join(temporary, basename(file)), file, files);
  } finally {
    rmSync(temporary, { recursive: true });
  }
  return [...files].map(([name, file]) => ({ name, file }));
}

/** Packs packages into a folder, as they would be published. */
export function pack(/** @type {string[]} */ names, /** @type {string} */ folder) {
  const filters = names.flatMap((name) => ["--filter", name]);
  const args = ["--yes", "pnpm@12", "--recursive", ...filters, "pack", "--pack-destination", folder];
  // npx is a .cmd file on Windows, which only a shell starts.
  execFileSync("npx", args, { cwd: root, stdio: ["ignore", "pipe", "inherit"], shell: process.platform === "win32" });
}

/** Returns the file name that npm and pnpm give to the tarball of a version. */
export function tarballName(/** @type {string} */ name, /** @type {string} */ version) {
  return `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
}

/** Copies a tarball and replaces the ranges of its dependencies on packages in `files` by the paths of their tarballs. */
function rewrite(
  /** @type {string} */ from,
  /** @type {string} */ to,
  /** @type {ReadonlyMap<string, string>} */ files,
) {
  const dir = mkdtempSync(`${from}-`);
  // Relative names: the tar of Git for Windows takes the C: of an absolute path for a host.
  execFileSync("tar", ["-xzf", `../${basename(from)}`], { cwd: dir });
  const path = join(dir, "package/package.json");
  const manifest = JSON.parse(readFileSync(path, "utf8"));
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    const file = files.get(name);
    if (file !== undefined) manifest.dependencies[name] = `file:${file.replaceAll("\\", "/")}`;
  }
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
  execFileSync("tar", ["-czf", "rewritten.tgz", "package"], { cwd: dir });
  copyFileSync(join(dir, "rewritten.tgz"), to);
}
