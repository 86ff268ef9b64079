/** An empty folder outside the repository, with tarballs of the built packages, as a stranger would have after downloading them. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { published, root } from "../../repo/release/published.mjs";
import { pack, tarballName } from "../../repo/release/tarballs.mjs";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const scaffold = join(root, "tools/create");
const manifests = new Map<string, Manifest>(published().map(({ name, manifest }) => [name, manifest]));

export class Workshop {
  readonly folder: string;
  readonly #cli: string;

  /** Builds and packs create-attnkit and the packages that its templates name, with the packages that these need. */
  constructor() {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), "create-attnkit-")));
    const needed = ["create-attnkit", ...closure(Object.keys(manifests.get("create-attnkit")!.devDependencies ?? {}))];
    // Turbo needs pnpm on the path, which npx puts there. npx is a .cmd file on Windows, which only a shell starts.
    const build = ["--yes", "pnpm@12", "exec", "turbo", "run", "build", "--output-logs=errors-only"];
    execFileSync("npx", [...build, ...needed.map((name) => `--filter=${name}`)], {
      ...{ cwd: root, stdio: "pipe", shell: process.platform === "win32" },
      env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" },
    });
    pack(needed, this.folder);
    // npm would ask the registry for the prompts of create-attnkit, so that it is unpacked by hand.
    const at = join(this.folder, "node_modules/create-attnkit");
    mkdirSync(at, { recursive: true });
    const tarball = tarballName("create-attnkit", manifests.get("create-attnkit")!.version);
    execFileSync("tar", ["-xzf", `../../${tarball}`, "--strip-components=1"], { cwd: at });
    link(this.folder, "@clack/prompts");
    this.#cli = join(at, "dist/cli.js");
  }

  /** Runs create-attnkit in the folder. */
  create(...args: string[]): Run {
    return run(this.folder, process.execPath, this.#cli, ...args);
  }

  /**
   * Installs a project: attnkit from the tarballs, without a network. Third-party packages are linked from the repository,
   * which has the same versions.
   */
  install(project: string): void {
    const path = join(this.folder, project, "package.json");
    const text = readFileSync(path, "utf8");
    const manifest = JSON.parse(text) as Manifest & Record<string, unknown>;
    const names = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
    const { devDependencies, dependencies, ...rest } = manifest;
    writeFileSync(path, JSON.stringify(rest));
    const tarballs = closure(names).map((name) => `../${tarballName(name, manifests.get(name)!.version)}`);
    const npm = ["install", "--offline", "--no-audit", "--no-fund", "--legacy-peer-deps", ...tarballs];
    const shell = process.platform === "win32";
    execFileSync("npm", npm, { cwd: join(this.folder, project), stdio: "pipe", shell });
    writeFileSync(path, text);
    for (const name of names.filter((name) => !manifests.has(name))) link(join(this.folder, project), name);
  }

  /** Runs a script of a project with npm. */
  script(project: string, ...args: string[]): Run {
    return run(join(this.folder, project), "npm", "run", "--silent", ...args);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The packages of attnkit among `names`, and those that they need. */
function closure(names: readonly string[]): string[] {
  const all = new Set<string>();
  const visit = (name: string): void => {
    if (!manifests.has(name) || all.has(name)) return;
    all.add(name);
    Object.keys(manifests.get(name)!.dependencies ?? {}).forEach(visit);
  };
  names.forEach(visit);
  return [...all];
}

function link(project: string, name: string): void {
  const from = join(project, "node_modules", name);
  if (existsSync(from)) return;
  mkdirSync(dirname(from), { recursive: true });
  symlinkSync(realpathSync(join(scaffold, "node_modules", name)), from, "junction");
}

function run(cwd: string, program: string, ...args: string[]): Run {
  const env = { ...process.env, NODE_OPTIONS: "", NODE_TEST_CONTEXT: "", FORCE_COLOR: "0" };
  const shell = process.platform === "win32" && program === "npm";
  const { status, stdout, stderr } = spawnSync(program, args, {
    ...{ cwd, env, shell, encoding: "utf8", maxBuffer: 2 ** 28 },
  });
  return { code: status, out: stdout, err: stderr };
}
