/** API pages: one per entry of a published package, from its TSDoc. */
import { join } from "node:path";
import { Application, Converter, type DeclarationReflection } from "typedoc";
import type { PluginOptions } from "typedoc-plugin-markdown";
import { repository } from "../../../tools/repo/structure/conventions.ts";
import { readRepo } from "../../../tools/repo/structure/repo.ts";

export interface Entry {
  /** The name that a program imports: `@attnkit/core/program`. */
  readonly specifier: string;
  /** The name of its package. */
  readonly package: string;
  /** The source file, from the root of the repository. */
  readonly source: string;
  /** The path of its page in the site. */
  readonly path: string;
}

/** Returns the entries of the published packages, in the order of their package.json. */
export function apiEntries(root: string): Entry[] {
  return readRepo(root).packages.flatMap(({ dir, manifest: { name = "", private: hidden, exports = {} } }) => {
    if (hidden || !name.startsWith("@attnkit/")) return [];
    return Object.entries(exports).flatMap(([entry, conditions]) => {
      const source = typeof conditions === "string" ? undefined : conditions["@attnkit/source"];
      if (source === undefined) return [];
      const specifier = name + entry.slice(1);
      const file = specifier.replace("@attnkit/", "").replaceAll("/", "-");
      return [{ specifier, package: name, source: join(dir, source), path: `api/${file}.md` }];
    });
  });
}

/** Writes the API pages into a folder. Throws an Error if TypeDoc finds type errors or links that lead nowhere. */
export async function writeApi(root: string, out: string, entries: readonly Entry[]): Promise<void> {
  const options: Partial<PluginOptions> = {
    hidePageHeader: true,
    hideBreadcrumbs: true,
    hidePageTitle: true,
    outputFileStrategy: "modules",
    useCodeBlocks: true,
    sanitizeComments: true,
    parametersFormat: "table",
    propertiesFormat: "table",
    interfacePropertiesFormat: "table",
    typeDeclarationFormat: "table",
    enumMembersFormat: "table",
    expandParameters: true,
  };
  const app = await Application.bootstrapWithPlugins({
    ...options,
    entryPoints: entries.map(({ source }) => join(root, source)),
    tsconfig: join(root, "apps/docs/tsconfig.api.json"),
    plugin: ["typedoc-plugin-markdown"],
    basePath: root,
    disableGit: true,
    // TypeDoc counts paths from the folder that all entries share.
    sourceLinkTemplate: `${repository}/blob/main/packages/{path}#L{line}`,
    groupOrder: ["Functions", "Classes", "Interfaces", "Type Aliases", "Variables", "*"],
    readme: "none",
    excludeExternals: true,
    excludeInternal: true,
    logLevel: "Warn",
    validation: { notExported: false, invalidLink: true, notDocumented: false },
    treatWarningsAsErrors: true,
    out,
  });
  const files = new Map(entries.map((entry) => [join(root, entry.source), entry]));
  const entryOf = (module: DeclarationReflection) => files.get(module.sources?.[0]?.fullFileName ?? "");
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children ?? []) {
      const entry = entryOf(module);
      if (entry === undefined) throw new Error(`TypeDoc made the module ${module.name}, which is no entry`);
      module.name = entry.path.replace(/^api\/|\.md$/g, "");
    }
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("TypeDoc could not read the sources; its messages are above");
  app.validate(project);
  await app.generateOutputs(project);
  if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error("TypeDoc complained; its messages are above");
}
