import { Environment, Tiles } from "@attnkit/measure/results";
import { CALL_CLASSES } from "@attnkit/wgsl";
import { z } from "zod";
import { readJson } from "../files.ts";
import { type Io, UsageError } from "../io.ts";

/** The schema name of a file of tiles. */
const TUNED = "attnkit-tiles/1";

const size = z.int().positive();
const CallClass = z.enum(CALL_CLASSES);
const Way = Tiles.valueType.valueType;
const seconds = z.number().nonnegative();

export const Tuned = z.object({
  schema: z.literal(TUNED),
  /** False while it is written class by class, and if it was interrupted. */
  complete: z.boolean(),
  started: z.iso.datetime(),
  finished: z.iso.datetime(),
  environment: Environment,
  adapter: z.object({ key: z.string(), name: z.string() }),
  /** True if the adapter computes on the CPU. The times then say nothing about a GPU. */
  software: z.boolean(),
  /** True for a trial with tiny calls, which measures nothing. */
  smoke: z.boolean(),
  /** The table that `useTiles` takes: by adapter and class of calls, where a tile was faster than the portable one. */
  tiles: Tiles,
  /** The measurements: seconds per call, checked and interleaved. The first candidate is the portable one. */
  classes: z.array(
    z.object({
      name: CallClass,
      shapes: z.object({ q: z.array(size), k: z.array(size) }),
      candidates: z.array(z.object({ way: Way, median: seconds, q1: seconds, q3: seconds, samples: z.array(seconds) })),
      /** Candidates whose answer differs from the reference, with the largest error over the largest output. */
      wrong: z.array(z.object({ way: Way, error: z.number().nullable() })),
    }),
  ),
});

export type Tuned = z.infer<typeof Tuned>;
export type Tuning = Tuned["classes"][number];

export const empty = (about: Pick<Tuned, "adapter" | "environment" | "smoke" | "software">): Tuned => {
  const now = new Date().toISOString();
  return { schema: TUNED, complete: false, started: now, finished: now, ...about, tiles: {}, classes: [] };
};

/** Reads the table of tiles in a file that `attnkit tune` wrote. Throws `UsageError`. */
export const readTiles = async (io: Io, path: string): Promise<Tuned["tiles"]> => (await readTuned(io, path)).tiles;

/** Reads a file that `attnkit tune` wrote. Throws `UsageError`. */
export async function readTuned(io: Io, path: string): Promise<Tuned> {
  const parsed = Tuned.safeParse(await readJson(io, path));
  if (parsed.success) return parsed.data;
  const { path: at, message } = parsed.error.issues[0]!;
  throw new UsageError(path, `${at.join(".") || "the file"}: ${message}; expected a file that attnkit tune wrote`);
}
