import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { program } from "./built.ts";
import { folder } from "./harness.ts";

const dir = folder();
const { app, run } = program(dir, ".bin-test");

test("exit codes and streams are those of the process", () => {
  expect(run(["list", "--markdown"])).toMatchObject({ status: 0, stderr: "" });
  expect(run(["run", "--mechanism", "linear", "--tensors", "nope.npz", "--out", "y.npz"])).toMatchObject({
    status: 2,
    stdout: "",
    stderr: "attnkit: nope.npz: no such file or folder; expected a file that can be read\n",
  });
});

test("--version prints the version of @attnkit/cli, and the help names it", () => {
  const { version } = JSON.parse(readFileSync(join(app, "../cli/package.json"), "utf8"));
  expect(run(["--version"])).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: "" });
  expect(run(["-V"])).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: "" });
  expect(run(["--help"]).stdout).toMatch(/-V, --version +print the version of @attnkit\/cli/);
});

test("paths start where the user stands, also when a package script runs the program elsewhere", () => {
  const stands = join(dir, "stands");
  mkdirSync(stands);
  writeFileSync(join(stands, "v.json"), '{"format":"attnkit-vectors/1","cases":[]}');
  const args = ["conform", "--vectors", "v.json"];
  writeFileSync(join(dir, "package.json"), "{}");
  const script = { npm_package_json: join(dir, "package.json"), INIT_CWD: stands };
  expect(run(args, dir, script)).toMatchObject({ status: 0, stdout: "0 passed, 0 failed, 0 unsupported\n" });
  expect(run(args, stands)).toMatchObject({ status: 0 });
  // A program that the script started somewhere else stands there, not where the user of the script does.
  expect(run(args, app, script)).toMatchObject({ status: 2 });
});
