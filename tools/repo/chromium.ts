/**
 * Which Chromium the browser tests start. On Linux x64 none need be installed: `@sparticuz/chromium` carries a headless
 * one with SwiftShader's Vulkan driver as brotli files. Its own code is not run: it wants a newer Node than we do and
 * trusts whatever stands in the system's temporary folder. Elsewhere an installed Chrome or Edge is started.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";

export interface Launch {
  readonly executablePath?: string;
  readonly channel?: string;
  readonly args: string[];
  readonly env?: NodeJS.ProcessEnv;
}

const features = process.platform === "linux" ? "Vulkan,WebGPU" : "WebGPU";
const webgpu = ["--enable-unsafe-webgpu", `--enable-features=${features}`, "--ignore-gpu-blocklist"];
/** A real GPU may be used with ATTNKIT_WEBGPU_ADAPTER=default; by default every machine computes the same on the CPU. */
const adapter = process.env.ATTNKIT_WEBGPU_ADAPTER ?? "swiftshader";
// On a machine with a closed network Chromium otherwise waits for dozens of refused background requests.
const offline = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--disable-quic",
];
// Chromium refuses its sandbox to root, as in most containers.
const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
const args = [...webgpu, ...(adapter === "default" ? [] : [`--use-webgpu-adapter=${adapter}`]), ...offline, ...sandbox];

const bundled = process.platform === "linux" && process.arch === "x64" && !process.env.ATTNKIT_CHROMIUM;
const archives = bundled
  ? resolve(dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium")), "../bin")
  : "";
const version = bundled ? JSON.parse(readFileSync(join(archives, "../package.json"), "utf8")).version : "";
const folder = resolve(dirname(fileURLToPath(import.meta.url)), `../../node_modules/.cache/chromium-${version}`);

/** How to start the browser. Costs nothing; {@link setup} makes the file that it names. */
export function launch(): Launch {
  if (process.env.ATTNKIT_CHROMIUM) return { executablePath: process.env.ATTNKIT_CHROMIUM, args };
  if (bundled) return { executablePath: join(folder, "chromium"), args, env: { ...process.env, ...libraries() } };
  return { channel: process.platform === "win32" && !chromeOnWindows() ? "msedge" : "chrome", args };
}

/** Vitest calls this once, before the first browser starts. */
export function setup(): void {
  const { executablePath } = launch();
  if (bundled && !existsSync(folder)) unpack();
  if (executablePath === undefined) return; // Playwright itself says where it looked for Chrome.
  const { status, error, stderr } = spawnSync(executablePath, ["--version"], { encoding: "utf8", env: launch().env });
  if (status !== 0) {
    throw new Error(
      `The browser tests need a Chromium and ${executablePath} does not start: ${error?.message ?? stderr}\n` +
        "Set ATTNKIT_CHROMIUM to the executable of a Chrome or Chromium that does.",
    );
  }
}

function chromeOnWindows(): boolean {
  const roots = [process.env.PROGRAMFILES, process.env["PROGRAMFILES(X86)"], process.env.LOCALAPPDATA];
  return roots.some((root) => root && existsSync(join(root, "Google/Chrome/Application/chrome.exe")));
}

/** NSS is not on every Linux; the package's copy stands in where the system has none. */
function libraries(): NodeJS.ProcessEnv {
  const system = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"].flatMap((dir) => [dir, `${dir}/x86_64-linux-gnu`]);
  const fonts = { FONTCONFIG_PATH: process.env.FONTCONFIG_PATH ?? folder };
  if (system.some((dir) => existsSync(join(dir, "libnss3.so")))) return fonts;
  return { ...fonts, LD_LIBRARY_PATH: [join(folder, "lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":") };
}

/** Into a fresh folder that is renamed when complete, so that an interrupted or concurrent run leaves no half browser. */
function unpack(): void {
  mkdirSync(dirname(folder), { recursive: true });
  const fresh = mkdtempSync(`${folder}-`);
  const read = (name: string) => brotliDecompressSync(readFileSync(join(archives, name)));
  writeFileSync(join(fresh, "chromium"), read("chromium.br"), { mode: 0o755 });
  for (const name of ["swiftshader.tar.br", "fonts.tar.br", "al2023.tar.br"]) untar(read(name), fresh);
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
