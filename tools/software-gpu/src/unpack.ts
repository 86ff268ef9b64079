import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";

/** Whether npm has brought a Chromium and a driver that run here. */
export const available: boolean = process.platform === "linux" && process.arch === "x64";

const archives = (): string =>
  resolve(dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium")), "../bin");

/** Where `unpacked` puts its files. */
export function cacheFolder(): string {
  const { version } = JSON.parse(readFileSync(join(archives(), "../package.json"), "utf8"));
  const here = dirname(fileURLToPath(import.meta.url));
  return resolve(here, `../../../node_modules/.cache/chromium-${version}-fonts`);
}

/**
 * The folder with `chromium`, `libvulkan.so.1` and `vk_swiftshader_icd.json`, unpacked when it is first asked for. The
 * package's own code is not run: it wants a newer Node than we do and trusts whatever stands in the system's temporary
 * folder.
 */
export function unpacked(): string {
  const folder = cacheFolder();
  if (!existsSync(folder)) unpack(archives(), folder);
  return folder;
}

/** Into a fresh folder that is renamed when complete, so that an interrupted or concurrent run leaves no half browser. */
function unpack(from: string, folder: string): void {
  mkdirSync(dirname(folder), { recursive: true });
  const fresh = mkdtempSync(`${folder}-`);
  const read = (name: string) => brotliDecompressSync(readFileSync(join(from, name)));
  writeFileSync(join(fresh, "chromium"), read("chromium.br"), { mode: 0o755 });
  for (const name of ["swiftshader.tar.br", "fonts.tar.br", "al2023.tar.br"]) untar(read(name), fresh);
  // The package's own names folders of the service that it is made for. Without a font Chromium crashes at the first
  // select or textarea.
  const dirs = `<dir>${folder}/fonts</dir><cachedir>${folder}/fonts-cache</cachedir>`;
  writeFileSync(join(fresh, "fonts.conf"), `<?xml version="1.0"?><fontconfig>${dirs}</fontconfig>`);
  try {
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
}

/** Regular files of an ustar archive: 512-byte header (name at 0, octal size at 124, type at 156), padded content. */
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
