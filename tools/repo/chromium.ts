/**
 * Chooses the Chromium for the browser tests. On Linux x64, npm installs one (tools/software-gpu). Elsewhere, an
 * installed Chrome or Edge is started.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { available, cacheFolder, unpacked } from "../software-gpu/src/index.ts";

export interface Launch {
  readonly executablePath?: string;
  readonly channel?: string;
  readonly args: string[];
  readonly env?: NodeJS.ProcessEnv;
}

const features = process.platform === "linux" ? "Vulkan,WebGPU" : "WebGPU";
const webgpu = ["--enable-unsafe-webgpu", `--enable-features=${features}`, "--ignore-gpu-blocklist"];
/** ATTNKIT_WEBGPU_ADAPTER=default selects a real GPU. By default every machine computes the same on the CPU. */
const adapter = process.env.ATTNKIT_WEBGPU_ADAPTER ?? "swiftshader";
// On a closed network, Chromium would otherwise wait for dozens of refused background requests.
const offline = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--disable-quic",
];
// Chromium refuses to run its sandbox as root, which is the user in most containers.
const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
// The software driver unrolls the zeroing of workgroup memory, which takes seconds per kernel.
const software = [`--use-webgpu-adapter=${adapter}`, "--enable-dawn-features=disable_workgroup_init"];
// WebGL runs on the CPU as well. Newer versions of Chromium need both flags.
const webgl = adapter === "swiftshader" ? ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"] : [];
const args = [...webgpu, ...(adapter === "default" ? [] : [...software, ...webgl]), ...offline, ...sandbox];

const bundled = available && !process.env.ATTNKIT_CHROMIUM;
const folder = bundled ? cacheFolder() : "";

/** Returns how to start the browser. {@link setup} makes the file that it names. */
export function launch(): Launch {
  if (process.env.ATTNKIT_CHROMIUM) return { executablePath: process.env.ATTNKIT_CHROMIUM, args };
  if (bundled) return { executablePath: join(folder, "chromium"), args, env: { ...process.env, ...libraries() } };
  return { channel: process.platform === "win32" && !chromeOnWindows() ? "msedge" : "chrome", args };
}

/** Prepares the browser. Vitest calls it once, before the first browser starts. */
export function setup(): void {
  const { executablePath } = launch();
  if (bundled) unpacked();
  if (executablePath === undefined) return; // Playwright reports where it looked for Chrome.
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

/**
 * Returns the environment for libraries. If the system lacks NSS, as some Linux systems do, the package's copy is used.
 */
function libraries(): NodeJS.ProcessEnv {
  const system = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"].flatMap((dir) => [dir, `${dir}/x86_64-linux-gnu`]);
  const fonts = { FONTCONFIG_PATH: process.env.FONTCONFIG_PATH ?? folder };
  if (system.some((dir) => existsSync(join(dir, "libnss3.so")))) return fonts;
  return { ...fonts, LD_LIBRARY_PATH: [join(folder, "lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":") };
}
