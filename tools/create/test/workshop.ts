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
import { delimiter, dirname, join } from "node:path";
import { published, root } from "../../repo/release/published.mjs";
import { packTogether, tarballName } from "../../repo/release/tarballs.mjs";

type Ranges = Readonly<Record<string, string>>;
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Ranges;
  readonly devDependencies?: Ranges;
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

  /** Builds and packs all packages, as `pnpm pack:all` does, and unpacks create-attnkit. */
  constructor() {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), "create-attnkit-")));
    // Turbo needs pnpm on the path, which npx puts there. npx is a .cmd file on Windows, which only a shell starts.
    const build = ["--yes", "pnpm@12", "exec", "turbo", "run", "build", "--output-logs=errors-only"];
    execFileSync("npx", [...build, ...[...manifests.keys()].map((name) => `--filter=${name}`)], {
      ...{ cwd: root, stdio: "pipe", shell: process.platform === "win32" },
      env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" },
    });
    packTogether(join(this.folder, "tarballs"));
    // npm would ask the registry for the prompts of create-attnkit, so that it is unpacked by hand.
    const at = join(this.folder, "node_modules/create-attnkit");
    mkdirSync(at, { recursive: true });
    const tarball = tarballName("create-attnkit", manifests.get("create-attnkit")!.version);
    execFileSync("tar", ["-xzf", `../../tarballs/${tarball}`, "--strip-components=1"], { cwd: at });
    link(this.folder, "@clack/prompts");
    this.#cli = join(at, "dist/cli.js");
  }

  /** Runs create-attnkit in the folder. */
  create(...args: string[]): Run {
    return run(this.folder, process.execPath, this.#cli, "--tarballs", "tarballs", ...args);
  }

  /**
   * Installs a project: attnkit from the tarballs, without a network. Third-party packages are linked from the repository,
   * which has the same versions.
   */
  install(project: string): void {
    const path = join(this.folder, project, "package.json");
    const text = readFileSync(path, "utf8");
    const manifest = JSON.parse(text) as Manifest;
    const ours = (ranges: Ranges = {}) =>
      Object.fromEntries(Object.entries(ranges).filter(([name]) => manifests.has(name)));
    const { dependencies, devDependencies } = manifest;
    const own = { ...manifest, dependencies: ours(dependencies), devDependencies: ours(devDependencies) };
    writeFileSync(path, JSON.stringify(own));
    const npm = ["install", "--offline", "--no-audit", "--no-fund", "--legacy-peer-deps"];
    const shell = process.platform === "win32";
    execFileSync("npm", npm, { cwd: join(this.folder, project), stdio: "pipe", shell });
    writeFileSync(path, text);
    for (const name of Object.keys({ ...dependencies, ...devDependencies }))
      if (!manifests.has(name)) link(join(this.folder, project), name);
  }

  /** Runs a script of a project with npm. */
  script(project: string, ...args: string[]): Run {
    return run(join(this.folder, project), "npm", "run", "--silent", ...args);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function link(project: string, name: string): void {
  const from = join(project, "node_modules", name);
  if (existsSync(from)) return;
  mkdirSync(dirname(from), { recursive: true });
  symlinkSync(realpathSync(join(scaffold, "node_modules", name)), from, "junction");
}

function run(cwd: string, program: string, ...args: string[]): Run {
  // The commands of linked packages: tsc and vite.
  const PATH = [join(scaffold, "node_modules/.bin"), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH, NODE_OPTIONS: "", FORCE_COLOR: "0" };
  const shell = process.platform === "win32" && program === "npm";
  const { status, stdout, stderr } = spawnSync(program, args, {
    ...{ cwd, env, shell, encoding: "utf8", maxBuffer: 2 ** 28 },
  });
  return { code: status, out: stdout, err: stderr };
}
