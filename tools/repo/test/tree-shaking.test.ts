/** A bundle holds what its program uses: no kernel without an import of one, no gradient before its first call. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as esbuild } from "esbuild";
import { build as vite } from "vite";
import { describe, expect, test } from "vitest";
import { mechanisms } from "../../catalog/src/mechanisms.ts";

/** A text that stands in every kernel. */
const wgsl = "@workgroup_size";
/** Texts that stand in every module with gradient rules of operations. */
const gradients = ["gradientRules(", "takeGradient("];
/** Sources that a page has no use for. Both bundlers write the path of each source before its code. */
const unused = /^\/\/.*\/(gradient-rules|vjp|check-vjp|recorder|reference|about|webgpu|conformance\/\S+|onnx\S*)\.ts$/m;

// The catalog depends on every package, so that from there each of them resolves.
const resolveDir = fileURLToPath(new URL("../../catalog", import.meta.url));
const conditions = ["@attnkit/source"];

/** Returns the text that a page loads at once. Modules behind `import()` are not in it. */
async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await esbuild({
    ...{ stdin: { contents, resolveDir }, conditions, write: false },
    ...{ bundle: true, format: "esm", target: "es2023" },
    plugins: [
      {
        name: "without-dynamic-imports",
        setup: ({ onResolve }) =>
          onResolve({ filter: /./ }, ({ kind, path }) =>
            kind === "dynamic-import" ? { path, external: true } : undefined,
          ),
      },
    ],
  });
  return outputFiles[0]!.text;
}

/** Returns the texts of the chunks that Vite writes: those that a page loads at once, and those that it loads later. */
async function split(contents: string): Promise<{ first: string; later: string }> {
  const page = join(resolveDir, "page.js");
  const built = await vite({
    ...{ root: resolveDir, configFile: false, logLevel: "silent", resolve: { conditions } },
    build: {
      ...{ write: false, minify: false, modulePreload: false, target: "esnext" },
      rolldownOptions: { input: page, preserveEntrySignatures: "strict" },
    },
    plugins: [
      {
        name: "page",
        resolveId: (id) => (id === page ? id : null),
        load: (id) => (id === page ? contents : null),
      },
    ],
  });
  const output = [built].flat().flatMap((result) => ("output" in result ? result.output : []));
  const chunks = output.flatMap((file) => (file.type === "chunk" ? [file] : []));
  const loaded = new Set<string>();
  const load = (name: string): void => {
    if (loaded.has(name)) return;
    loaded.add(name);
    chunks.find(({ fileName }) => fileName === name)?.imports.forEach(load);
  };
  for (const { fileName, isEntry } of chunks) if (isEntry) load(fileName);
  const text = (now: boolean) => chunks.filter(({ fileName }) => loaded.has(fileName) === now).map(({ code }) => code);
  return { first: text(true).join("\n"), later: text(false).join("\n") };
}

const page = (name: string, entry = "", backend = "cpu") =>
  `export { attention } from "@attnkit/core";
  export { ${name} } from "@attnkit/${name}${entry}";
  export { ${backend} } from "@attnkit/${backend}";`;

describe.each(mechanisms.map(({ name }) => name))("%s, core and cpu", (name) => {
  test("have no kernel, no gradient, no reference and no suite", async () => {
    const text = await bundle(page(name));
    expect(text).toContain(`function ${name}`);
    for (const marker of [wgsl, ...gradients]) expect(text).not.toContain(marker);
    expect(unused.exec(text)?.[0]).toBeUndefined();
  });

  test("have kernels if the entry of the mechanism is /webgpu", async () => {
    const text = await bundle(page(name, "/webgpu"));
    expect(text).toContain(wgsl);
    expect(text).toMatch(new RegExp(`^// .*/${name}/src/webgpu\\.ts$`, "m"));
  });
});

test("gradient rules are in a chunk that a page loads at the first vjp", { timeout: 60_000 }, async () => {
  const { first, later } = await split(page("softmax"));
  expect(first).toContain("function softmax");
  for (const text of [wgsl, ...gradients]) expect(first).not.toContain(text);
  expect(unused.exec(first)?.[0]).toBeUndefined();
  for (const text of gradients) expect(later).toContain(text);
});

test("core alone has no mechanism and no backend", async () => {
  const text = await bundle('export { attention } from "@attnkit/core";');
  expect(text).toContain("function attention");
  for (const marker of [wgsl, ...gradients]) expect(text).not.toContain(marker);
  const paths = [...text.matchAll(/^\/\/ (\S+\.ts)$/gm)].map((match) => match[1]!);
  expect(paths.length).toBeGreaterThan(3);
  expect(paths.filter((path) => !path.includes("packages/core/src/"))).toEqual([]);
});

test("an import without a use leaves nothing", async () => {
  const packages = mechanisms.flatMap(({ name }) => [`@attnkit/${name}`, `@attnkit/${name}/webgpu`]);
  const others = ["@attnkit/core", "@attnkit/core/backend", "@attnkit/core/program", "@attnkit/wgsl", "@attnkit/cpu"];
  const used = 'export { attention } from "@attnkit/core";\n';
  const contents = [...packages, ...others].map((name) => `import * as ${name.replaceAll(/\W/g, "_")} from "${name}";`);
  const lines = async (text: string) => (await bundle(text)).split("\n").sort();
  expect(await lines(contents.join("\n") + used)).toEqual(await lines(used));
});
