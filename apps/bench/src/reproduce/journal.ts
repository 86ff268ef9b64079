import { type FileHandle, open, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Outcome } from "@attnkit/papers/run";
import writeFileAtomic from "write-file-atomic";
import { fileReason } from "../files.ts";
import { type Io, UsageError } from "../io.ts";
import { difference } from "../measure/environment.ts";
import { Header, OutcomeLine, toJson } from "./results.ts";

/** A journal as it was read. */
export interface Journal {
  readonly header: Header;
  readonly outcomes: readonly Outcome[];
  /** The bytes of its complete lines. */
  readonly size: number;
}

/** Reads a journal; undefined if there is no such file. A torn last line is left out. Throws `UsageError`. */
export async function readJournal(io: Io, path: string): Promise<Journal | undefined> {
  let text: string;
  try {
    text = await readFile(resolve(io.cwd, path), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new UsageError(path, `${fileReason(error)}; expected the journal of a run`);
  }
  // A line that was written whole ends with a line feed. What follows the last one was torn by the end of a process.
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const [first = "", ...rest] = whole.split("\n").slice(0, -1);
  return {
    header: parse(path, 1, first, Header),
    outcomes: rest.map((line, i) => parse(path, i + 2, line, OutcomeLine)),
    size: Buffer.byteLength(whole),
  };
}

function parse<T>(path: string, number: number, line: string, schema: { parse(value: unknown): T }): T {
  try {
    return schema.parse(JSON.parse(line));
  } catch {
    throw new UsageError(
      path,
      `line ${number} is no line of a journal of this version of attnkit; delete the file to start over`,
    );
  }
}

/** Refuses to go on with a journal of other settings, another machine or another commit. Throws `UsageError`. */
export function checkSame(path: string, then: Header, now: Header): void {
  const shown = ({ settings: { size, seeds, claims } }: Header) =>
    ({ size, seeds: seeds.join(), claims: Object.keys(claims).join() }) as const;
  for (const key of ["size", "seeds", "claims"] as const) {
    const [a, b] = [shown(then)[key], shown(now)[key]];
    if (a !== b)
      throw new UsageError("--resume", `${path} was begun with the ${key} ${a}, and these are ${b}; give the same`);
  }
  for (const [name, rule] of Object.entries(now.settings.claims))
    if (then.settings.claims[name] !== rule)
      throw new UsageError("--resume", `${path} was begun with another rule of ${name}; start a new run with --out`);
  // The folder of a run may itself lie in the repository, where it counts as a change.
  const clean = ({ environment: e }: Header) => ({ ...e, commit: e.commit?.replace("+changes", "") ?? null });
  const other = difference(clean(then), clean(now));
  if (other) throw new UsageError("--resume", `${path} was begun elsewhere: its ${other}; start a new run with --out`);
}

/** Appends finished cells to a journal. */
export interface JournalWriter {
  /** Writes one line completely or not at all. Throws `UsageError`. */
  append(outcome: Outcome): Promise<void>;
  close(): Promise<void>;
}

/** Begins a journal with its header. A file in its place is replaced. Throws `UsageError`. */
export async function beginJournal(io: Io, path: string, header: Header): Promise<JournalWriter> {
  const line = `${toJson(header)}\n`;
  try {
    await writeFileAtomic(resolve(io.cwd, path), line);
  } catch (error) {
    throw unwritable(path, error);
  }
  return writer(io, path, Buffer.byteLength(line));
}

/** Goes on with a journal after its complete lines. Throws `UsageError`. */
export const continueJournal = (io: Io, path: string, journal: Journal): Promise<JournalWriter> =>
  writer(io, path, journal.size);

async function writer(io: Io, path: string, from: number): Promise<JournalWriter> {
  let file: FileHandle;
  let size = from;
  try {
    file = await open(resolve(io.cwd, path), "r+");
    await file.truncate(size);
  } catch (error) {
    throw unwritable(path, error);
  }
  let last: Promise<void> = Promise.resolve();
  const write = async (bytes: Buffer) => {
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, done, bytes.length - done, size + done);
        done += bytesWritten;
      }
      size += bytes.length;
    } catch (error) {
      await file.truncate(size).catch(() => {});
      throw unwritable(path, error);
    }
  };
  return {
    append(outcome) {
      last = last.then(() => write(Buffer.from(`${toJson(outcome)}\n`)));
      return last;
    },
    close: () => file.close(),
  };
}

const unwritable = (path: string, error: unknown): UsageError =>
  new UsageError(path, `${fileReason(error)}; expected a place that can be written to`);
