import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readInput } from "../files.ts";
import { type Io, UsageError } from "../io.ts";

export interface Text {
  /** A description of the text for reports. */
  readonly source: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/** The folder of this repository. The path is the same from `src` and from `dist`. */
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

/** Reads a text file, or by default this repository's own documentation. Throws `UsageError`. */
export async function readText(io: Io, path?: string): Promise<Text> {
  // A bundle runs outside the repository, without documentation. It brings a text file along.
  const packed = process.env.ATTNKIT_TEXT;
  if (path === undefined && packed !== undefined)
    return text("the bundle's text", new Uint8Array(await readFile(packed)));
  if (path === undefined) return text("attnkit's documentation", await documentation());
  const bytes = await readInput(io, path);
  if (bytes.length === 0) throw new UsageError(path, "is empty; expected some text");
  return text(path, bytes);
}

const text = (source: string, bytes: Uint8Array): Text => ({
  source,
  bytes,
  sha256: createHash("sha256").update(bytes).digest("hex"),
});

/** Reads README.md, docs/*.md and the READMEs of packages and apps, in sorted order, and joins them. */
async function documentation(): Promise<Uint8Array> {
  const docs = (await list(join(ROOT, "docs"))).filter((f) => f.endsWith(".md")).map((f) => `docs/${f}`);
  const nested = await Promise.all(
    ["packages", "packages/mechanisms", "packages/backends", "apps"].map(async (folder) =>
      (await list(join(ROOT, folder))).map((name) => `${folder}/${name}/README.md`),
    ),
  );
  const parts: Uint8Array[] = [];
  for (const file of ["README.md", ...docs, ...nested.flat()].sort()) {
    const bytes = await readFile(join(ROOT, file)).catch(() => undefined);
    if (bytes) parts.push(bytes);
  }
  const bytes = Buffer.concat(parts);
  if (bytes.length === 0)
    throw new UsageError("--text", "this copy of attnkit has no documentation to read; name a text file");
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const list = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
