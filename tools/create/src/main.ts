import { relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Asker } from "./ask.ts";
import { type Created, create, type Project } from "./create.ts";
import { CreateError } from "./error.ts";
import { type AppTemplate, appTemplates, type Choice, type Kind, kinds, placeholder } from "./kinds.ts";
import { repositoryOf } from "./repository.ts";
import { version } from "./versions.ts";

/** The parts of its process that the command line needs. */
export interface Io {
  readonly cwd: string;
  out(text: string): void;
  err(text: string): void;
  /** Absent where nobody can answer: then flags must say everything. */
  readonly ask?: Asker | undefined;
}

const list = (choices: readonly Choice<string>[]) =>
  choices.map(({ value, says }) => `      ${value.padEnd(11)}${says}\n`).join("");

const HELP = `Starts a project for attnkit. Without flags it asks.

  npm create attnkit@latest -- --kind backend --name my-backend --yes

  --kind <kind>
${list(kinds)}  --template <app>   for an app; default node
${list(appTemplates)}  --name <name>      lower-case words with hyphens; default my-<kind>
  --dir <folder>     the folder to create; default ./<name>. In a clone of attnkit the kind decides it
  --tarballs <folder>  takes attnkit from tarballs that pnpm pack:all wrote, not from the registry
  --yes              takes the default for everything that no flag says, and asks nothing
  --help             prints this text
  --version          prints the version of create-attnkit
`;

/** Runs the command line and returns its exit code: 0, or 1 after an error that was printed. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    const flags = flagsOf(argv);
    if (flags.help) {
      io.out(HELP);
      return 0;
    }
    if (flags.version) {
      io.out(`${version()}\n`);
      return 0;
    }
    const project = await projectOf(flags, io);
    io.out(done(project, create(project), io.cwd));
    return 0;
  } catch (error) {
    if (!(error instanceof CreateError)) throw error;
    io.err(`${error.message}\n`);
    return 1;
  }
}

type Flags = ReturnType<typeof flagsOf>;

function flagsOf(argv: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    const options = { kind: text, template: text, name: text, dir: text, tarballs: text };
    const flags = { yes: flag, help: flag, version: flag };
    return parseArgs({ args: [...argv], options: { ...options, ...flags }, strict: true }).values;
  } catch (error) {
    throw new CreateError(`${(error as Error).message.replace(/\.?$/, ".")} --help lists the flags.`);
  }
}

async function projectOf(flags: Flags, { cwd, ask: asker }: Io): Promise<Project> {
  const ask = flags.yes ? undefined : asker;
  const kind = (flags.kind ?? (await ask?.kind())) as Kind | undefined;
  if (kind === undefined)
    throw new CreateError(
      `The kind of project is missing: nothing can be asked here. Pass --kind ${kinds.map(({ value }) => value).join(", --kind ")}.`,
    );
  if (flags.template !== undefined && kind !== "app")
    throw new CreateError(`--template ${flags.template} is for apps, and the kind is ${kind}. Leave it out.`);
  const template =
    kind === "app" ? ((flags.template ?? (await ask?.template())) as AppTemplate | undefined) : undefined;
  const name = flags.name ?? (await ask?.name(kind)) ?? placeholder[kind];
  const tarballs = flags.tarballs === undefined ? undefined : resolve(cwd, flags.tarballs);
  const repository = repositoryOf(cwd);
  if (repository !== undefined && flags.dir === undefined) return { kind, template, name, repository, tarballs };
  const dir = flags.dir ?? (await ask?.dir(name)) ?? `./${name}`;
  return { kind, template, name, dir: resolve(cwd, dir), tarballs };
}

function done({ kind, name, repository }: Project, { dir, catalog }: Created, cwd: string): string {
  const at = relative(cwd, dir) || ".";
  const [path, line] = catalog;
  if (repository !== undefined) {
    const test =
      kind === "app" ? "" : `  npx vitest run --project node ${relative(repository, dir).replaceAll("\\", "/")}\n`;
    return `Created @attnkit/${name} in ${at}.
${path === undefined ? "" : `Added to ${path}:\n  ${line}\n`}Run this now in the root of the clone. It installs, and writes the references and tables that follow:
  npx --yes pnpm@12 derive
${test}`;
  }
  const enter = at === "." ? "" : `  cd ${/\s/.test(at) ? `"${at}"` : at}\n`;
  const says = {
    backend:
      "The suite is red: each failure says which operation is missing. README.md says in which order to write them.",
    mechanism:
      "The reference passes, and the program fails until it is written. README.md says in which order to write it.",
    app: "It runs at once.",
  };
  return `Created ${name} in ${at}.\n${enter}  npm install\n  npm ${kind === "app" ? "start" : "test"}\n${says[kind]}\n`;
}
