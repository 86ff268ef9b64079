/** The form of every package. Each rule returns its violations, in words. */
import { posix } from "node:path";
import { type Package, type Repo, sources } from "./repo.ts";

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

const fields = [
  ...["name", "version", "description", "keywords", "license", "author", "homepage", "bugs", "repository", "type"],
  ...["sideEffects", "engines", "exports", "files", "scripts", "publishConfig"],
];
const optional = ["attnkit", "bin", "dependencies", "devDependencies", "peerDependencies", "peerDependenciesMeta"];
const url = "https://github.com/attnkit/attnkit";

const same = {
  license: "MIT",
  author: "The attnkit authors",
  bugs: `${url}/issues`,
  type: "module",
  sideEffects: false,
  engines: { node: ">=20.19" },
  files: ["dist", "src", "!dist/.tsbuildinfo"],
  // dist is removed first: tsc does not delete output without a source, and its incremental state can be stale.
  scripts: { build: `node -e "fs.rmSync('dist',{recursive:true,force:true})" && tsc -p tsconfig.json` },
  publishConfig: { access: "public", provenance: true },
};

/** Published packages must have the same fields. The values must be equal, except fields such as name and version. */
export function manifests(repo: Repo): string[] {
  return published(repo).flatMap(({ dir, manifest }) => {
    const expected: Record<string, unknown> = {
      ...same,
      name: `@attnkit/${dir.split("/").at(-1)}`,
      homepage: `${url}/tree/main/${dir}#readme`,
      repository: { type: "git", url: `git+${url}.git`, directory: dir },
    };
    const say = (text: string) => `${dir}/package.json ${text}`;
    const differs = ([field, value]: [string, unknown]) => JSON.stringify(manifest[field]) !== JSON.stringify(value);
    return [
      ...fields.filter((field) => manifest[field] === undefined).map((field) => say(`has no ${field}`)),
      ...Object.keys(manifest)
        .filter((field) => ![...fields, ...optional].includes(field))
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
    const wanted = ["README.md", "LICENSE", "tsconfig.json"];
    if (pkg.kind === "core") wanted.push("src/call/index.ts", "src/program/index.ts", "src/backend/index.ts");
    else wanted.push("src/index.ts");
    if (pkg.kind === "mechanism") wanted.push("src/reference.ts", "src/about.ts");
    const missing = wanted.filter((path) => !pkg.files.has(path)).map((path) => `${pkg.dir} has no ${path}`);
    const license = pkg.files.get("LICENSE");
    return license === undefined || license === repo.license
      ? missing
      : [...missing, `${pkg.dir}/LICENSE is not the root's`];
  });
}

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

const published = (repo: Repo): Package[] => repo.packages.filter(({ manifest }) => !manifest.private);
