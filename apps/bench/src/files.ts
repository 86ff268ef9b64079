import { constants } from "node:fs";
import { access, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { type Io, oneLine, UsageError } from "./io.ts";

/** Reads a file that the user named. Throws `UsageError`. */
export async function readInput(io: Io, path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(resolve(io.cwd, path));
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (error) {
    throw new UsageError(path, `${fileReason(error)}; expected a file that can be read`);
  }
}

/** Reads a JSON file that the user named. Throws `UsageError`. */
export async function readJson(io: Io, path: string): Promise<unknown> {
  const bytes = await readInput(io, path);
  try {
    // Some editors write a byte order mark first, which JSON.parse refuses. TextDecoder removes it.
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(path, `not JSON (${why}; ${bytes.length} bytes); expected a UTF-8 JSON file`);
  }
}

/**
 * Checks before any work is done that `path` can be written, and is none of the files in `keep`, which it would
 * replace. Throws `UsageError`.
 */
export async function checkWritable(io: Io, path: string, keep: readonly string[] = []): Promise<void> {
  const full = resolve(io.cwd, path);
  const folder = dirname(full);
  const kind = await stat(folder).catch((error) => {
    throw new UsageError(path, `${fileReason(error)} (folder ${folder}); expected a folder that exists`);
  });
  if (!kind.isDirectory()) throw new UsageError(path, `${folder} is not a folder`);
  const target = await stat(full).catch(() => undefined);
  if (target?.isDirectory()) throw new UsageError(path, "is a folder; expected the name of a file to write");
  await access(folder, constants.W_OK).catch((error) => {
    throw new UsageError(path, `${fileReason(error)}; expected a folder that can be written to`);
  });
  for (const other of keep) {
    const kept = await stat(resolve(io.cwd, other)).catch(() => undefined);
    const same = target && kept && target.dev === kept.dev && target.ino === kept.ino;
    if (same || full === resolve(io.cwd, other))
      throw new UsageError(path, `would replace ${other}, which the same command names; expected another file`);
  }
}

/** Makes a folder for results. Throws `UsageError` if that is impossible. */
export async function makeFolder(io: Io, path: string): Promise<string> {
  const full = resolve(io.cwd, path);
  try {
    await mkdir(full, { recursive: true });
    await access(full, constants.W_OK);
    return full;
  } catch (error) {
    throw new UsageError(path, `${fileReason(error)}; expected a folder that can be written to`);
  }
}

/** Writes a file completely or not at all. Throws `UsageError`. */
export async function writeOutput(io: Io, path: string, data: string | Uint8Array): Promise<void> {
  try {
    const bytes = typeof data === "string" ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    await writeFileAtomic(resolve(io.cwd, path), bytes);
  } catch (error) {
    throw new UsageError(path, `${fileReason(error)}; expected a place that can be written to`);
  }
}

/**
 * Writes several files into a folder that exists. They are written beside their places first, so that an error leaves
 * all old files as they were. Files in `stale` are removed. Throws `UsageError`.
 */
export async function writeTogether(
  io: Io,
  folder: string,
  files: ReadonlyMap<string, string>,
  stale: readonly string[] = [],
): Promise<void> {
  const full = resolve(io.cwd, folder);
  try {
    const staged = await mkdtemp(join(full, ".new-"));
    try {
      for (const [name, text] of files) {
        await mkdir(dirname(join(staged, name)), { recursive: true });
        await writeFile(join(staged, name), text, { flush: true });
      }
      for (const name of files.keys()) {
        await mkdir(dirname(join(full, name)), { recursive: true });
        await rename(join(staged, name), join(full, name));
      }
      for (const name of stale) await rm(join(full, name), { force: true });
    } finally {
      await rm(staged, { recursive: true, force: true });
    }
  } catch (error) {
    throw new UsageError(folder, `${fileReason(error)}; expected a folder that can be written to`);
  }
}

/** Returns the message of a file system error, without the path, which the caller's message starts with. */
export function fileReason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const known: Record<string, string> = {
    ENOENT: "no such file or folder",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EISDIR: "is a folder",
    ENOTDIR: "a part of the path is not a folder",
    EEXIST: "a file of that name is in the way",
    EROFS: "read-only file system",
    ENOSPC: "no space left on the device",
    EDQUOT: "the disk quota is used up",
    EFBIG: "the file would be larger than the system allows",
    EMFILE: "too many open files",
    ELOOP: "a symbolic link that leads to itself",
    ENAMETOOLONG: "the name is too long",
    ERR_FS_FILE_TOO_LARGE: "larger than 2 GiB",
  };
  return known[code] ?? oneLine(error instanceof Error ? error.message : String(error));
}

/** Returns the name of a file without its folders, for messages and records. */
export const nameOf = (path: string): string => basename(path);
