import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";

/**
 * @typedef {object} Entry
 * @property {string} packageFolder The absolute path of the package.
 * @property {string} types The absolute path of the entry's built declarations.
 * @property {string} path The path of the report in the repository.
 */

/** The declarations are read as a user's compiler would read them. WebGPU types come from `lib.dom`. */
const compilerOptions = {
  ...{ target: "es2023", lib: ["es2023", "dom"], module: "nodenext", types: [] },
  ...{ strict: true, skipLibCheck: true, noEmit: true },
};
const silent = { default: { logLevel: ExtractorLogLevel.None } };

/**
 * Returns the API report of each entry: every exported declaration and every declaration that an exported one refers to,
 * in alphabetical order, without doc comments. All entries are read by one compiler, which takes a tenth of the time.
 * @returns {{ path: string, text: string }[]}
 */
export function apiReports(/** @type {readonly Entry[]} */ entries) {
  const folder = mkdtempSync(join(tmpdir(), "attnkit-api-"));
  try {
    const configs = entries.map((entry) => config(entry, folder));
    const [first, ...others] = configs;
    if (first === undefined) return [];
    const compilerState = CompilerState.create(first, {
      additionalEntryPoints: others.map(({ mainEntryPointFilePath }) => mainEntryPointFilePath),
    });
    return entries.map(({ path }, i) => {
      report(/** @type {ExtractorConfig} */ (configs[i]), compilerState);
      return { path, text: signatures(readFileSync(join(folder, basename(path)), "utf8")) };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function config(/** @type {Entry} */ { packageFolder, types, path }, /** @type {string} */ folder) {
  return ExtractorConfig.prepare({
    configObject: {
      projectFolder: packageFolder,
      mainEntryPointFilePath: types,
      compiler: { overrideTsconfig: { compilerOptions, files: [types] } },
      apiReport: {
        ...{ enabled: true, includeForgottenExports: true },
        ...{ reportFolder: folder, reportTempFolder: join(folder, "temp"), reportFileName: basename(path) },
      },
      ...{ docModel: { enabled: false }, dtsRollup: { enabled: false }, tsdocMetadata: { enabled: false } },
      // Only types matter here. Doc comments are checked where the API pages are made.
      messages: { extractorMessageReporting: silent, tsdocMessageReporting: silent },
      newlineKind: "lf",
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(packageFolder, "package.json"),
  });
}

function report(/** @type {ExtractorConfig} */ extractorConfig, /** @type {CompilerState} */ compilerState) {
  const errors = /** @type {string[]} */ ([]);
  Extractor.invoke(extractorConfig, {
    ...{ compilerState, localBuild: true },
    messageCallback: (message) => {
      if (message.logLevel === "error") errors.push(message.formatMessageWithLocation(undefined));
      message.handled = true;
    },
  });
  if (errors.length > 0) throw new Error(`${extractorConfig.mainEntryPointFilePath}:\n${errors.join("\n")}`);
}

/** Removes what depends on doc comments, so that an edited comment does not change a report. */
function signatures(/** @type {string} */ markdown) {
  return markdown
    .replaceAll(/^ *\/\/ \((undocumented|No @packageDocumentation comment.*)\)\n/gm, "")
    .replaceAll(/^\/\/ @public.*\n/gm, "")
    .replaceAll(/^ *\/\*\*.*?\*\/\n/gms, "");
}
