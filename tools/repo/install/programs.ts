import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Node, TypeScript } from "./cells.ts";
import { run, type Setting } from "./setting.ts";

/** Returns what a script prints on a version of Node. */
export async function nodeOutput({ version, script }: Node, setting: Setting): Promise<string> {
  const program = version === undefined ? process.execPath : await nodeOf(version, setting);
  return run(program, [script], { cwd: setting.project });
}

/** Returns the path of a Node from npm. */
export async function nodeOf(version: string, setting: Setting): Promise<string> {
  const system = process.platform === "win32" ? "win" : process.platform;
  const folder = await setting.tool(`node-${system}-${process.arch}@${version}`);
  return join(folder, "bin", system === "win" ? "node.exe" : "node");
}

/** Compiles the TypeScript programs and returns what the portable one prints. */
export async function compiledOutput(cell: TypeScript, setting: Setting): Promise<string> {
  const { project } = setting;
  const outDir = `compiled-${cell.tool}-${cell.resolution}`;
  const types = cell.webgpu === "@webgpu/types" ? [await setting.tool("@webgpu/types")] : [];
  const config = {
    compilerOptions: {
      ...{ target: "es2022", lib: ["es2022", "dom"], types, outDir, rootDir: "." },
      ...{ module: cell.resolution === "bundler" ? "esnext" : cell.resolution, moduleResolution: cell.resolution },
      ...{ strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, skipLibCheck: false },
    },
    files: cell.webgpu ? ["use.ts", "gpu.ts"] : ["use.ts"],
  };
  writeFileSync(join(project, `${outDir}.json`), JSON.stringify(config));
  const tsc = join(await setting.tool(cell.tool), "bin/tsc");
  await run(process.execPath, [tsc, "-p", `${outDir}.json`], { cwd: project });
  return run(process.execPath, [`${outDir}/use.js`], { cwd: project });
}
