/** The command line: flags, prompts, and requests that are refused. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Asker, askerOn } from "../src/ask.ts";
import { main } from "../src/main.ts";

let cwd: string;
beforeEach(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), "create-main-")));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

async function run(argv: readonly string[], ask?: Asker) {
  let [out, err] = ["", ""];
  const code = await main(argv, {
    ...{ cwd, ask },
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

describe("flags", () => {
  test("name and folder", async () => {
    const { code, out } = await run(["--kind", "backend", "--name", "fast-gpu", "--dir", "./a/b c", "--yes"]);
    expect([code, out]).toEqual([0, expect.stringContaining('Created fast-gpu in a/b c.\n  cd "a/b c"\n')]);
    const source = readFileSync(join(cwd, "a/b c/src/index.ts"), "utf8");
    expect(source).toContain("export function fastGpu(): Backend<Tensor");
    expect(source).toContain('name: "fast-gpu"');
    expect(existsSync(join(cwd, "a/b c/.gitignore"))).toBe(true);
    const { name, peerDependencies } = JSON.parse(readFileSync(join(cwd, "a/b c/package.json"), "utf8"));
    expect(name).toBe("fast-gpu");
    expect(peerDependencies["@attnkit/core"]).toMatch(/^\^\d+\.\d+\.\d+$/);
    expect(readdirSync(join(cwd, "a"))).toEqual(["b c"]);
  });

  test("--yes takes defaults, and an empty folder is filled", async () => {
    mkdirSync(join(cwd, "my-mechanism"));
    expect((await run(["--kind", "mechanism", "--yes"])).code).toBe(0);
    expect(readdirSync(join(cwd, "my-mechanism"))).toContain("README.md");
  });

  test("--help lists every kind and flag", async () => {
    const { code, out } = await run(["--help"]);
    expect(code).toBe(0);
    for (const word of [
      "backend",
      "mechanism",
      "app",
      "vite",
      "tfjs",
      "--name",
      "--dir",
      "--tarballs",
      "--yes",
      "--version",
    ])
      expect(out).toContain(word);
  });

  test("--version prints the version of the package, and nothing is written", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    expect(await run(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
    expect(readdirSync(cwd)).toEqual([]);
  });
});

describe("refused by a sentence, with nothing written", () => {
  test.each<[argv: string[], says: string]>([
    [["--yes"], "The kind of project is missing: nothing can be asked here. Pass --kind backend"],
    [["--kind", "back", "--yes"], 'The kind is "back"; expected one of backend, mechanism, app.'],
    [["--kind", "app", "--template", "deno", "--yes"], 'The template is "deno"; expected one of node, vite, tfjs.'],
    [["--kind", "backend", "--template", "vite", "--yes"], "--template vite is for apps, and the kind is backend."],
    [["--kind", "backend", "--name", "My Backend", "--yes"], 'The name "My Backend" cannot be used: a name has lower'],
    [["--kind", "backend", "--name", "@me/fast", "--yes"], "a scope is added in package.json afterwards"],
    [["--kind", "backend", "--name", "class", "--yes"], "class would name a function, and it is a reserved word"],
    [["--kind", "mechanism", "--name", "offset", "--yes"], "has something else with the name offset"],
    [["--kind", "backend", "--nmae", "x"], "--help lists the flags."],
    [["--kind", "backend", "--tarballs", "nowhere", "--yes"], "nowhere with tarballs does not exist."],
    [["--kind", "backend", "--tarballs", ".", "--yes"], "has 0 tarballs of @attnkit/core; expected one."],
  ])("%j", async (argv, says) => {
    const { code, err } = await run(argv);
    expect([code, err]).toEqual([1, expect.stringContaining(says)]);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test("a folder with content, a file, and a folder in a clone", async () => {
    mkdirSync(join(cwd, "full"));
    writeFileSync(join(cwd, "full/kept.txt"), "kept");
    const full = await run(["--kind", "app", "--dir", "full", "--yes"]);
    expect(full.err).toMatch(/^The folder .*full is not empty: it contains kept\.txt\. Nothing was written/);
    expect(readdirSync(join(cwd, "full"))).toEqual(["kept.txt"]);
    expect((await run(["--kind", "app", "--dir", "full/kept.txt", "--yes"])).err).toContain("kept.txt is a file.");
    writeFileSync(join(cwd, "package.json"), '{ "name": "attnkit-monorepo" }');
    const clone = await run(["--kind", "backend", "--dir", "x", "--yes"]);
    expect(clone.err).toContain("lies in a clone of attnkit. There this project belongs in");
  });
});

describe("prompts", () => {
  const enter = "\r";
  const down = "\u001b[B";

  /** Types one entry for each question, once the question is on the screen. */
  const typing = (...entries: [question: string, keys: string[]][]) => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    let [shown, next] = ["", 0];
    output.on("data", (chunk) => {
      shown += chunk;
      const [question, keys] = entries[next] ?? ["never shown", []];
      if (!shown.includes(question)) return;
      next++;
      for (const key of keys) setImmediate(() => input.write(key));
    });
    return askerOn({ input, output });
  };

  test("kind, application, name and folder", async () => {
    const ask = typing(
      ["Which kind of project?", [down, down, enter]],
      ["Which application?", [down, enter]],
      ["Its name?", ["page", enter]],
      ["Which folder?", [enter]],
    );
    const { code, out, err } = await run([], ask);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("Created page in page.");
    expect(existsSync(join(cwd, "page/vite.config.ts"))).toBe(true);
  });

  test("only what flags leave open is asked, and Ctrl+C writes nothing", async () => {
    const { code, err } = await run(["--kind", "backend"], typing(["Its name?", ["\u0003"]]));
    expect([code, err]).toEqual([1, "Cancelled. Nothing was written.\n"]);
    expect(readdirSync(cwd)).toEqual([]);
  });
});
