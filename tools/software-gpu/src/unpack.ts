import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";

/** True if npm installs a Chromium and a driver that run on this machine. */
export const available: boolean = process.platform === "linux" && process.arch === "x64";

const archives = (): string =>
  resolve(dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium")), "../bin");

/** Returns the folder that `unpacked` writes to. */
export function cacheFolder(): string {
  const { version } = JSON.parse(readFileSync(join(archives(), "../package.json"), "utf8"));
  const here = dirname(fileURLToPath(import.meta.url));
  return resolve(here, `../../../node_modules/.cache/chromium-${version}-fonts`);
}

/**
 * Returns the folder with `chromium`, `libvulkan.so.1` and `vk_swiftshader_icd.json`. It is unpacked on first use. The
 * package's own code is not run: it needs a newer Node than ours, and trusts files in the system's temporary folder.
 */
export function unpacked(): string {
  const folder = cacheFolder();
  if (!existsSync(folder)) unpack(archives(), folder);
  return folder;
}

/**
 * Unpacks into a new folder and renames it when complete. An interrupted or concurrent run then leaves no incomplete
 * browser.
 */
function unpack(from: string, folder: string): void {
  mkdirSync(dirname(folder), { recursive: true });
  const fresh = mkdtempSync(`${folder}-`);
  const read = (name: string) => brotliDecompressSync(readFileSync(join(from, name)));
  writeFileSync(join(fresh, "chromium"), read("chromium.br"), { mode: 0o755 });
  for (const name of ["swiftshader.tar.br", "fonts.tar.br", "al2023.tar.br"]) untar(read(name), fresh);
  // The package's own file names folders of the service that it is made for. Without a font, Chromium crashes at the
  // first select or textarea.
  const dirs = `<dir>${folder}/fonts</dir><cachedir>${folder}/fonts-cache</cachedir>`;
  writeFileSync(join(fresh, "fonts.conf"), `<?xml version="1.0"?><fontconfig>${dirs}</fontconfig>`);
  try {
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
}

/**
 * Writes the regular files of an ustar archive: a 512-byte header (name at 0, octal size at 124, type at 156), then
 * padded content.
 */
function untar(tar: Buffer, into: string): void {
  const text = (at: number, length: number) => tar.toString("latin1", at, at + length).replace(/\0.*$/s, "");
  for (let at = 0; at < tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const type = text(at + 156, 1);
    if (type === "0" || type === "") {
      const path = join(into, text(at, 100));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, tar.subarray(at + 512, at + 512 + size), { mode: 0o755 });
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
