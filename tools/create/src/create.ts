import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { CreateError } from "./error.ts";
import { type AppTemplate, appTemplates, type Kind, kinds } from "./kinds.ts";
import { namesOf } from "./names.ts";
import { render } from "./render.ts";
import { addToCatalog, folderIn, refuseTaken, repositoryOf } from "./repository.ts";

/** A project to create. */
export interface Project {
  readonly kind: Kind;
  /** The kind of application; default `"node"`. Only for `kind: "app"`. */
  readonly template?: AppTemplate | undefined;
  /** Lower-case words with hyphens between them: the name of the package and of its function, `my-backend` and `myBackend`. */
  readonly name: string;
  /** The folder to create, outside a clone of attnkit. It must not exist, or be empty. */
  readonly dir?: string | undefined;
  /** In place of `dir`: the root of a clone of attnkit. The kind decides the folder, and the catalog gets one line. */
  readonly repository?: string | undefined;
  /** A folder with tarballs of attnkit, as `pnpm pack:all` writes them. Default: the registry. Not inside a clone. */
  readonly tarballs?: string | undefined;
}

/** The folder and files that `create` wrote. */
export interface Created {
  /** The absolute path of the new folder. */
  readonly dir: string;
  /** The paths of its files, relative to it, with slashes. */
  readonly files: readonly string[];
  /** Inside a clone: the path of the catalog's list, and the line that it got. */
  readonly catalog: readonly string[];
}

/**
 * Creates a project from the templates. It writes all of it or nothing: the folder is made beside its place and renamed.
 *
 * @throws `CreateError` with a sentence if the kind, the template or the name is wrong, if the folder is not empty, and if
 * `dir` lies in a clone of attnkit.
 * @example
 * ```ts
 * create({ kind: "backend", name: "my-backend", dir: "./my-backend" });
 * ```
 */
export function create({ kind, template = "node", name, dir, repository, tarballs }: Project): Created {
  requireChoice("kind", kind, kinds);
  requireChoice("template", template, appTemplates);
  if (typeof name !== "string") throw new CreateError("A project needs a name, such as my-backend.");
  if ((dir === undefined) === (repository === undefined))
    throw new CreateError("Give either dir, the folder to create, or repository, the root of a clone of attnkit.");
  if (tarballs !== undefined && repository !== undefined)
    throw new CreateError("A clone of attnkit links its own packages: leave out --tarballs.");
  if (tarballs !== undefined && !existsSync(tarballs))
    throw new CreateError(`The folder ${resolve(tarballs)} with tarballs does not exist.`);
  const names = namesOf(name);
  const inside = repository !== undefined;
  const to = inside ? folderIn(resolve(repository), kind, name) : resolve(dir!);
  if (inside) {
    if (repositoryOf(resolve(repository)) !== resolve(repository))
      throw new CreateError(`${resolve(repository)} is not the root of a clone of attnkit.`);
    refuseTaken(repository, name);
  } else refuseClone(to, kind, name);
  refuseContent(to);
  const files = render(kind, template, names, { inside, tarballs: tarballs && resolve(tarballs) });
  if (inside && kind !== "app") files.set("LICENSE", readFileSync(join(repository, "LICENSE"), "utf8"));
  write(to, files);
  try {
    return { dir: to, files: [...files.keys()].sort(), catalog: inside ? addToCatalog(repository, kind, names) : [] };
  } catch (error) {
    rmSync(to, { recursive: true });
    throw error;
  }
}

/** Writes the files to a new folder beside `to`, which then takes its place. */
function write(to: string, files: ReadonlyMap<string, string>): void {
  const parent = dirname(to);
  const firstMade = mkdirSync(parent, { recursive: true });
  const made = mkdtempSync(join(parent, `.${basename(to)}-`));
  try {
    for (const [path, text] of files) {
      mkdirSync(dirname(join(made, path)), { recursive: true });
      writeFileSync(join(made, path), text);
    }
    // An empty folder is replaced. Windows does not rename a folder to one that exists.
    if (existsSync(to)) rmSync(to, { recursive: true });
    renameSync(made, to);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    if (firstMade !== undefined) rmSync(firstMade, { recursive: true, force: true });
    throw error;
  }
}

/** @throws `CreateError` if there is something at `path` other than an empty folder. */
export function refuseContent(path: string): void {
  if (!existsSync(path)) return;
  if (!statSync(path).isDirectory()) throw new CreateError(`${path} is a file. Choose a folder that does not exist.`);
  const entries = readdirSync(path);
  if (entries.length === 0) return;
  throw new CreateError(
    `The folder ${path} is not empty: it contains ${entries.slice(0, 3).join(", ")}${entries.length > 3 ? " and more" : ""}. Nothing was written. Choose a folder that is empty or does not exist.`,
  );
}

function refuseClone(to: string, kind: Kind, name: string): void {
  const clone = repositoryOf(to);
  if (clone === undefined) return;
  throw new CreateError(
    `${to} lies in a clone of attnkit. There this project belongs in ${folderIn(clone, kind, name)}: leave out --dir, or choose a folder outside the clone.`,
  );
}

function requireChoice(what: string, got: string, choices: readonly { readonly value: string }[]): void {
  if (choices.some(({ value }) => value === got)) return;
  const values = choices.map(({ value }) => value).join(", ");
  throw new CreateError(`The ${what} is ${JSON.stringify(got) ?? "missing"}; expected one of ${values}.`);
}
