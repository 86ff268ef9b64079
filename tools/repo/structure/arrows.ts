/** The rules about who may import whom. Each rule returns its violations as sentences. */
import { type Import, importsOf, type Package, packageOf, type Repo, sources, target } from "./repo.ts";

const core = "@attnkit/core";
/** The kernel builders. Mechanisms describe kernels with them, and backends host these kernels. */
const wgsl = "@attnkit/wgsl";
/** The entries of core that each kind of author may use. Published code never needs the conformance suite. */
const PROGRAM_DOORS = [core, `${core}/program`];
const BACKEND_DOORS = [...PROGRAM_DOORS, `${core}/backend`];
/** The folders of core. Each may import from itself and from those before it. */
const CORE_FOLDERS = ["program", "backend", "call", "conformance"];
/** The description of a package for the tools: the one file that knows program, reference and kernels. */
const ABOUT = "src/about.ts";
/** The files of a mechanism that hold kernels, and the package that each is written for. */
const KERNELS = { webgpu: wgsl, onnx: "@attnkit/onnx" } as const;
const isReference = (path: string) => path === "src/reference.ts" || path.startsWith("src/reference/");

/** Says why a file may not have this import; undefined if it may. */
function forbidden(pkg: Package, path: string, { specifier, typeOnly }: Import): string | undefined {
  if (specifier.startsWith(".")) return forbiddenRelative(pkg, path, target(path, specifier), typeOnly);
  if (pkg.kind === "app" || pkg.kind === "tool") return undefined;
  if (specifier.startsWith("node:")) return "published code runs in browsers too";
  if (pkg.kind === "core") return "core imports nothing";
  if (pkg.kind === "mechanism") return forbiddenMechanism(path, specifier, typeOnly);
  if (pkg.kind === "wgsl")
    return BACKEND_DOORS.includes(specifier) ? undefined : `wgsl imports ${BACKEND_DOORS.join(", ")} alone`;
  // A backend may import third-party packages. The rule `declared` requires that its package.json names them.
  return ![...BACKEND_DOORS, wgsl].includes(specifier) && specifier.startsWith("@attnkit/")
    ? `of attnkit, a backend imports ${BACKEND_DOORS.join(", ")} and ${wgsl} alone`
    : undefined;
}

function forbiddenMechanism(path: string, specifier: string, typeOnly: boolean): string | undefined {
  if (isReference(path))
    return typeOnly && PROGRAM_DOORS.includes(specifier)
      ? undefined
      : `a reference imports types of ${PROGRAM_DOORS.join(" and ")} alone`;
  if (PROGRAM_DOORS.includes(specifier)) return undefined;
  const column = /^src\/(webgpu|onnx)(\.ts$|\/)/.exec(path)?.[1] as keyof typeof KERNELS | undefined;
  if (column === undefined) return `a mechanism's program imports ${PROGRAM_DOORS.join(" and ")} alone`;
  if (BACKEND_DOORS.includes(specifier)) return undefined;
  if (specifier.startsWith("@attnkit/")) {
    return packageOf(specifier) === KERNELS[column]
      ? undefined
      : `${column} files import ${BACKEND_DOORS.join(", ")} and ${KERNELS[column]}`;
  }
  return typeOnly ? undefined : "a framework is handed in by the caller: import its types only";
}

function forbiddenRelative(pkg: Package, path: string, to: string, typeOnly: boolean): string | undefined {
  if (!to.startsWith("src/")) return "leaves the package's src";
  if (!pkg.files.has(to)) return "names no file";
  if (pkg.kind === "core") return forbiddenInCore(path, to, typeOnly);
  if (pkg.kind !== "mechanism" || typeOnly || isReference(path) === isReference(to) || path === ABOUT) return undefined;
  return "reference and program share no code";
}

/**
 * A mechanism refers to its kernels, and a kernel to its backend. Only there, types of a later folder may be imported.
 */
function forbiddenInCore(path: string, to: string, typeOnly: boolean): string | undefined {
  const [own, other] = [path, to].map((p) => CORE_FOLDERS.indexOf(p.split("/")[1]!)) as [number, number];
  if (own < 0 || other < 0) return `core has the folders ${CORE_FOLDERS.join(", ")} alone`;
  if (other <= own || (typeOnly && path === "src/program/mechanism.ts" && to.startsWith("src/backend/")))
    return undefined;
  return `src/${CORE_FOLDERS[own]} does not know src/${CORE_FOLDERS[other]}`;
}

export function arrows(repo: Repo): string[] {
  return repo.packages.flatMap((pkg) =>
    sources(pkg, "src").flatMap(([path, text]) =>
      importsOf(text).flatMap((found) => {
        const why = forbidden(pkg, path, found);
        return why === undefined ? [] : [`${pkg.dir}/${path} imports ${found.specifier}: ${why}`];
      }),
    ),
  );
}

/**
 * Imports must match package.json. Apps may depend on packages that they load by name at run time. A published bundle has
 * no sources of its own: it compares its imports with package.json when it is made.
 */
export function declared(repo: Repo): string[] {
  return repo.packages.flatMap((pkg) => {
    const { dependencies = {}, peerDependencies = {}, devDependencies = {}, name } = pkg.manifest;
    const shipped = { ...dependencies, ...peerDependencies };
    const used = (folder: "src" | "test") =>
      sources(pkg, folder).flatMap(([path, text]) =>
        importsOf(text).flatMap(({ specifier }) => ({ path, dependency: packageOf(specifier) ?? "" })),
      );
    const missing = (folder: "src" | "test", allowed: object) =>
      used(folder)
        .filter(({ dependency }) => dependency !== "" && dependency !== name && !(dependency in allowed))
        .map(
          ({ path, dependency }) => `${pkg.dir}/${path} imports ${dependency}, which its package.json does not declare`,
        );
    const imported = new Set(used("src").map(({ dependency }) => dependency));
    const idle =
      pkg.manifest.private || sources(pkg, "src").length === 0
        ? []
        : Object.keys(dependencies).filter((dependency) => !imported.has(dependency));
    return [
      ...missing("src", shipped),
      ...missing("test", { ...shipped, ...devDependencies, ...repo.manifest.devDependencies }),
      ...idle.map((dependency) => `${pkg.dir} depends on ${dependency} and does not import it`),
    ];
  });
}

/** Core, wgsl, mechanisms and the backends cpu and webgpu depend on no code but ours. Frameworks are optional peers. */
export function light(repo: Repo): string[] {
  return repo.packages
    .filter(({ kind, dir }) => ["core", "wgsl", "mechanism"].includes(kind) || /backends\/(cpu|webgpu)$/.test(dir))
    .flatMap(({ dir, kind, manifest }) => {
      const own = kind === "mechanism" || kind === "backend" ? [core, wgsl] : [core];
      const heavy = Object.keys(manifest.dependencies ?? {}).filter((name) => !own.includes(name));
      const forced = Object.keys(manifest.peerDependencies ?? {}).filter(
        (name) => !manifest.peerDependenciesMeta?.[name]?.optional,
      );
      return [
        ...heavy.map((name) => `${dir} has the runtime dependency ${name}`),
        ...forced.map((name) => `${dir} has the peer ${name}, which is not optional`),
      ];
    });
}

/** Finds import cycles among the files of a package, including cycles of types only. */
export function cycles(repo: Repo): string[] {
  return repo.packages.flatMap((pkg) => {
    const done = new Set<string>();
    const found: string[] = [];
    const visit = (path: string, trail: string[]): void => {
      if (trail.includes(path)) found.push(`${pkg.dir}: ${[...trail.slice(trail.indexOf(path)), path].join(" -> ")}`);
      if (done.has(path) || trail.includes(path)) return;
      for (const { specifier } of importsOf(pkg.files.get(path) ?? "")) {
        if (specifier.startsWith(".")) visit(target(path, specifier), [...trail, path]);
      }
      done.add(path);
    };
    for (const [path] of sources(pkg, "src")) visit(path, []);
    return found;
  });
}
