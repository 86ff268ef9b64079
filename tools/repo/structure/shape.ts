/** The form of every package. Each rule returns its violations, in words. */
import { posix } from "node:path";
import { fencesOf } from "../docs/markdown.ts";
import { fields, files, sections } from "./conventions.ts";
import { type Kind, type Package, type Repo, sources } from "./repo.ts";

const longest = 300;

export function short(repo: Repo): string[] {
  return repo.packages.flatMap((pkg) =>
    [...sources(pkg, "src"), ...sources(pkg, "test")].flatMap(([path, text]) => {
      const lines = text.replace(/\n$/, "").split("\n").length;
      const head = /^(?:\/\*[\s\S]*?\*\/|(?:\/\/.*\n)+)/.exec(text)?.[0] ?? "";
      const excused = /Long file:\s+\w/.test(head);
      return lines > longest && !excused ? [`${pkg.dir}/${path} has ${lines} lines and no "Long file: <reason>"`] : [];
    }),
  );
}

/** Published packages must have the same fields. The values must be equal, except fields such as name and version. */
export function manifests(repo: Repo): string[] {
  return published(repo).flatMap(({ dir, manifest }) => {
    const expected: Record<string, unknown> = { ...fields.same, ...fields.ofFolder(dir) };
    const known: readonly string[] = [...fields.required, ...fields.optional];
    const say = (text: string) => `${dir}/package.json ${text}`;
    const differs = ([field, value]: [string, unknown]) => JSON.stringify(manifest[field]) !== JSON.stringify(value);
    return [
      ...fields.required.filter((field) => manifest[field] === undefined).map((field) => say(`has no ${field}`)),
      ...Object.keys(manifest)
        .filter((field) => !known.includes(field))
        .map((field) => say(`has ${field}, which no other package has`)),
      ...Object.entries(expected)
        .filter(differs)
        .map(([field, value]) =>
          say(`says ${field}: ${JSON.stringify(manifest[field])}, not ${JSON.stringify(value)}`),
        ),
    ];
  });
}

/** Files that every package of a kind must have, and the licence text that npm ships. */
export function filesOf(repo: Repo): string[] {
  return published(repo).flatMap((pkg) => {
    const missing = of(files, pkg.kind)
      .filter((path) => !pkg.files.has(path))
      .map((path) => `${pkg.dir} has no ${path}`);
    const license = pkg.files.get("LICENSE");
    return license === undefined || license === repo.license
      ? missing
      : [...missing, `${pkg.dir}/LICENSE is not the root's`];
  });
}

/** Ranges between published packages must be those of the conventions. Development dependencies are not published. */
export function ranges(repo: Repo): string[] {
  const names = new Set(published(repo).map(({ manifest }) => manifest.name));
  return published(repo).flatMap(({ dir, manifest }) =>
    (["dependencies", "peerDependencies"] as const).flatMap((field) =>
      Object.entries(manifest[field] ?? {})
        .filter(([name, range]) => names.has(name) && !fields.range[field].test(range))
        .map(
          ([name, range]) => `${dir}/package.json has ${name} ${range} in ${field}: not like ${fields.range[field]}`,
        ),
    ),
  );
}

/** A README must begin in the same way in every package, and have the sections of its kind. */
export function readmes(repo: Repo): string[] {
  return published(repo).flatMap(({ dir, kind, manifest, files: own }) => {
    const text = own.get("README.md") ?? "";
    const say = (problem: string) => `${dir}/README.md ${problem}`;
    const blocks = fencesOf(`${dir}/README.md`, text);
    const prose = text.replaceAll(/^```.*?^```$/gms, "");
    const headings = [...prose.matchAll(/^## (.+)$/gm)].map((match) => match[1]!);
    const wanted = of(sections, kind);
    const places = wanted.map((start) => headings.findIndex((heading) => heading.startsWith(start)));
    const absent = wanted.filter((_, i) => places[i]! < 0);
    const install = blocks.findIndex(({ language, text: line }) => language === "sh" && installs(line, manifest.name!));
    const example = blocks.findIndex(({ language }) => language === "ts");
    const [title, introduction] = prose.split("\n").filter((line) => line.trim() !== "");
    return [
      ...(title === `# ${manifest.name}` ? [] : [say(`begins with "${title ?? ""}", not with "# ${manifest.name}"`)]),
      ...(/^\S.* /.test(introduction ?? "") && !introduction!.startsWith("#") ? [] : [say("has no introduction")]),
      ...(install >= 0 ? [] : [say(`has no sh block with npm install ${manifest.name}`)]),
      ...(example >= 0 ? [] : [say("has no example in a ts block")]),
      ...(install > example && example >= 0 ? [say("shows an example before its install line")] : []),
      ...absent.map((start) => say(`has no section "## ${start}"`)),
      ...(absent.length === 0 && places.some((place, i) => i > 0 && place < places[i - 1]!)
        ? [say(`has its sections in another order than ${wanted.join(", ")}`)]
        : []),
    ];
  });
}

/** `npm create x@latest` installs create-x and runs it. */
const installs = (block: string, name: string) =>
  block
    .split("\n")
    .some(
      (line) =>
        (line.startsWith("npm install ") && line.split(" ").includes(name)) ||
        (name.startsWith("create-") && line.startsWith(`npm create ${name.slice("create-".length)}@latest`)),
    );

/** Every entry must name one source file and that file's build output. */
export function entries(repo: Repo): string[] {
  return repo.packages.flatMap(({ dir, manifest, files }) =>
    Object.entries(manifest.exports ?? {}).flatMap(([entry, conditions]) => {
      if (typeof conditions === "string") {
        return files.has(posix.normalize(conditions))
          ? []
          : [`${dir}: export ${entry} names ${conditions}, which is no file`];
      }
      const source = conditions["@attnkit/source"] ?? "";
      if (!files.has(posix.normalize(source)))
        return [`${dir}: export ${entry} names the source "${source}", which is no file`];
      const out = source.replace("./src/", "./dist/").replace(/\.ts$/, "");
      const right = { "@attnkit/source": source, types: `${out}.d.ts`, default: `${out}.js` };
      return JSON.stringify(conditions) === JSON.stringify(right)
        ? []
        : [`${dir}: export ${entry} is ${JSON.stringify(conditions)}, not ${JSON.stringify(right)}`];
    }),
  );
}

/**
 * The references in tsconfig.json must match the dependencies. Otherwise a build would check against stale
 * declarations.
 */
export function references(repo: Repo): string[] {
  const dirOf = new Map(repo.packages.map((pkg) => [pkg.manifest.name, pkg.dir]));
  return repo.packages.flatMap((pkg) => {
    const { dependencies = {}, peerDependencies = {} } = pkg.manifest;
    const needed = Object.keys({ ...dependencies, ...peerDependencies }).flatMap((name) => dirOf.get(name) ?? []);
    const config = JSON.parse(pkg.files.get("tsconfig.json") ?? "{}");
    const given: string[] = (config.references ?? []).map(({ path }: { path: string }) => posix.join(pkg.dir, path));
    return [
      ...needed
        .filter((dir) => !given.includes(dir))
        .map((dir) => `${pkg.dir}/tsconfig.json does not reference ${dir}`),
      ...given
        .filter((dir) => !needed.includes(dir))
        .map((dir) => `${pkg.dir}/tsconfig.json references ${dir} for nothing`),
    ];
  });
}

/** Returns the convention for a kind; apps and tools have none. */
const of = (table: Readonly<Partial<Record<Kind, readonly string[]>>>, kind: Kind): readonly string[] =>
  table[kind] ?? [];

const published = (repo: Repo): Package[] => repo.packages.filter(({ manifest }) => !manifest.private);
