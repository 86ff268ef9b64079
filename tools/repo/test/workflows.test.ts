/** Workflows and issue forms. GitHub reports a mistake in them only after a push. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { root } from "../release/published.mjs";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Job {
  readonly "timeout-minutes"?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly unknown[]>> };
  readonly steps: readonly Step[];
}

const read = (path: string) => parse(readFileSync(join(root, path), "utf8"));
const list = (dir: string) => readdirSync(join(root, dir)).map((name) => `${dir}/${name}`);
const scripts: Record<string, string> = read("package.json").scripts;
const workflows = list(".github/workflows").map((path) => ({ path, workflow: read(path) }));
const jobs = workflows.flatMap(({ path, workflow }) =>
  Object.entries(workflow.jobs as Record<string, Job>).map(([id, job]) => ({ name: `${path}: ${id}`, workflow, job })),
);

/** Returns what is wrong with a command: it must be a script of package.json or a file. */
function unknownCommand(command: string): string | undefined {
  const [, script, file] = /^(?:npx --yes pnpm@12 ([\w:-]+)|bash (\S+))/.exec(command) ?? [];
  if (script !== undefined) return script in scripts ? undefined : `package.json has no script ${script}`;
  if (file !== undefined) return existsSync(join(root, file)) ? undefined : `there is no file ${file}`;
  return `"${command}" is neither a script nor a file of the repository`;
}

describe.each(jobs)("$name", ({ workflow, job }) => {
  const commands = job.steps.flatMap(({ run, with: inputs = {} }) =>
    [...(run?.split("\n") ?? []), inputs.version, inputs.publish].filter((line): line is string => Boolean(line)),
  );

  test("runs commands that exist", () => {
    expect(commands.length).toBeGreaterThan(0);
    expect(commands.flatMap((command) => unknownCommand(command) ?? [])).toEqual([]);
  });
  test("puts no expression into a shell: it could hold a command", () => {
    for (const { run } of job.steps) expect(run ?? "").not.toContain("${{");
  });
  test("fixes the version of every action", () => {
    for (const { uses } of job.steps) if (uses) expect(uses).toMatch(/^[\w-]+\/[\w-]+@([0-9a-f]{40}|v\d+)$/);
  });
  test("has a time limit, and no permission by default but to read", () => {
    expect(job["timeout-minutes"]).toBeGreaterThan(0);
    expect(workflow.permissions).toEqual({ contents: "read" });
  });
  test("publishes with provenance alone", () => {
    const publishes = commands.some((command) => command.includes("publish"));
    expect(job.permissions?.["id-token"]).toBe(publishes ? "write" : undefined);
  });
});

test("CI runs on three systems and on every Node that is supported", () => {
  const { check } = read(".github/workflows/ci.yml").jobs as Record<string, Job>;
  expect(check!.strategy!.matrix).toEqual({
    os: ["ubuntu-latest", "macos-latest", "windows-latest"],
    node: [20, 22, 24],
  });
  expect(check!.steps.some(({ run }) => run === "bash .ci/run")).toBe(true);
});

test("a command that does not exist is found", () => {
  expect(unknownCommand("npx --yes pnpm@12 derive")).toBeUndefined();
  expect(unknownCommand("npx --yes pnpm@12 nothing")).toBe("package.json has no script nothing");
  expect(unknownCommand("bash .ci/nothing")).toBe("there is no file .ci/nothing");
  expect(unknownCommand("make")).toContain("neither");
});

test("the scripts that .ci/run names exist", () => {
  const [, names] = /for script in ([^;]+);/.exec(readFileSync(join(root, ".ci/run"), "utf8"))!;
  for (const name of names!.split(" ")) expect(scripts).toHaveProperty([name]);
});

describe.each(list(".github/ISSUE_TEMPLATE").filter((path) => !path.endsWith("config.yml")))("%s", (path) => {
  const form = read(path);
  test("is a form that GitHub accepts", () => {
    for (const field of ["name", "description"]) expect(form[field]).toMatch(/\w/);
    const ids = form.body.map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, type, attributes } of form.body) {
      expect(id).toMatch(/^[\w-]+$/);
      expect(["textarea", "input", "dropdown", "checkboxes"]).toContain(type);
      expect(attributes.label).toMatch(/\w/);
      if (["dropdown", "checkboxes"].includes(type)) expect(attributes.options.length).toBeGreaterThan(1);
    }
  });
  test("names commands that exist", () => {
    const named = [...readFileSync(join(root, path), "utf8").matchAll(/npx --yes pnpm@12 [\w:-]+/g)];
    expect(named.flatMap(([command]) => unknownCommand(command) ?? [])).toEqual([]);
  });
});

test("a bug report needs the conformance report", () => {
  const { body } = read(".github/ISSUE_TEMPLATE/bug.yml");
  const report = body.find(({ id }: { id: string }) => id === "report");
  expect(report.validations.required).toBe(true);
  expect(report.attributes.description).toContain("attnkit conform");
});
