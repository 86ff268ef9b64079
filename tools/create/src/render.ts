import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CreateError } from "./error.ts";
import { type AppTemplate, type Kind, layers, placeholder } from "./kinds.ts";
import { type Names, namesOf, renamed } from "./names.ts";
import { type Origin, withRanges } from "./versions.ts";

const templates = fileURLToPath(new URL("../templates", import.meta.url));

/**
 * Returns the files of a project by their paths, with slashes.
 * @throws `CreateError` if the name is an identifier that a template uses already.
 */
export function render(kind: Kind, template: AppTemplate, names: Names, origin: Origin): Map<string, string> {
  const files = new Map<string, string>();
  const from = namesOf(placeholder[kind]);
  for (const layer of layers(kind, template, origin.inside)) {
    for (const path of filesOf(`${templates}/${layer}`)) {
      const text = readFileSync(`${templates}/${layer}/${path}`, "utf8");
      if (kind !== "app" && path.endsWith(".ts")) refuseCollision(text, from, names, `${layer}/${path}`);
      files.set(targetOf(path), adapted(path, renamed(text, from, names), origin, kind));
    }
  }
  return files;
}

/** npm would read a `.gitignore` in the package, and leave files out of it. */
const targetOf = (path: string): string => path.replace(/(^|\/)_gitignore$/, "$1.gitignore");

function adapted(path: string, text: string, origin: Origin, kind: Kind): string {
  const { inside } = origin;
  if (path === "package.json") {
    const named = inside && kind === "app" ? text.replace(/"name": "/, '"name": "@attnkit/') : text;
    return withRanges(named, origin);
  }
  // Tests run by node:test need no installation. In the repository all tests run in Vitest.
  return inside && path.endsWith(".test.ts") ? text.replace('from "node:test"', 'from "vitest"') : text;
}

/** @throws `CreateError` if the code of a template, comments and strings aside, uses the name for something else. */
function refuseCollision(text: string, from: Names, { kebab, camel, pascal }: Names, path: string): void {
  const code = text.replaceAll(/\/\*.*?\*\/|\/\/[^\n]*|"[^"\n]*"|`[^`]*`/gs, "");
  const words = new Set(code.match(/\w+/g));
  for (const own of [from.camel, from.pascal]) words.delete(own);
  const used = [camel, pascal].find((word) => words.has(word));
  if (used === undefined) return;
  throw new CreateError(
    `The name "${kebab}" cannot be used: the template ${path} has something else with the name ${used}. Choose another name, such as my-${kebab}.`,
  );
}

function filesOf(folder: string, prefix = ""): string[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = `${folder}/${name}`;
      return statSync(path).isDirectory() ? filesOf(path, `${prefix}${name}/`) : [prefix + name];
    });
}
