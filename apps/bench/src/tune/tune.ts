import { adapterOf, backends } from "@attnkit/catalog";
import { summary } from "@attnkit/measure/statistics";
import type { WebgpuBackend } from "@attnkit/webgpu";
import { adapterKey, CALL_CLASSES, type CallClass, type Tile, useTiles, type Walk } from "@attnkit/wgsl";
import { checkWritable, writeOutput } from "../files.ts";
import { breathe, EXIT, type Io, messageOf, UsageError } from "../io.ts";
import { environment } from "../measure/environment.ts";
import { type Progress, progress } from "../report/progress.ts";
import { callOf, candidates } from "./candidates.ts";
import { empty, readTiles, Tuned, type Tuning } from "./file.ts";
import { timed } from "./subject.ts";

export interface Flags {
  readonly out: string;
  /** Samples per candidate. */
  readonly rounds: number;
  /** Candidates per class, the portable tile included. */
  readonly candidates: number;
  readonly class?: CallClass[];
  readonly smoke: boolean;
}

/** Largest error over the largest output: a hundred times what rounding makes of sums over 4096 keys. */
const WRONG = 1e-4;

/** Times the tiles of every class of calls and writes the table of the fastest. Resolves with the exit code. */
export async function tune(io: Io, flags: Flags): Promise<number> {
  await checkWritable(io, flags.out);
  const backend = await opened();
  const device = backend.gpuDevice;
  const key = adapterKey(device);
  const { name, software } = (await adapterOf("webgpu", backend))!;
  const tuned = empty({
    ...{ adapter: { key, name }, software, smoke: flags.smoke },
    environment: await environment(),
  });
  tuned.tiles[key] = {};
  const shown = progress(io);
  const save = async () => {
    tuned.finished = new Date().toISOString();
    await writeOutput(io, flags.out, `${JSON.stringify(Tuned.parse(tuned), null, 1)}\n`);
  };
  try {
    for (const name of flags.class ?? CALL_CLASSES) {
      const found = await measured(backend, name, flags, shown, io.signal);
      if (io.signal.aborted) break;
      tuned.classes.push(found);
      const best = fastest(found);
      if (best) tuned.tiles[key] = { ...tuned.tiles[key], [name]: best };
      await save();
    }
  } finally {
    shown.stop();
    useTiles(device, {});
    backend.dispose();
  }
  tuned.complete = !io.signal.aborted;
  await save();
  useTiles(device, await readTiles(io, flags.out));
  io.out(`${table(tuned)}\n\nWritten: ${flags.out}\n`);
  if (software)
    io.out(`${name} computes on the CPU: these times mean nothing, and its tiles are for no other adapter.\n`);
  if (!tuned.complete) return EXIT.interrupted;
  return tuned.classes.some((c) => c.wrong.length) ? EXIT.failed : EXIT.ok;
}

async function opened(): Promise<WebgpuBackend> {
  try {
    return (await backends.find((b) => b.name === "webgpu")!.create()) as WebgpuBackend;
  } catch (error) {
    throw new UsageError("tune", `WebGPU is not available here: ${messageOf(error)}`);
  }
}

/** Checks every candidate of a class, and then times them in rounds. */
async function measured(
  ...[backend, name, flags, shown, signal]: [WebgpuBackend, CallClass, Flags, Progress, AbortSignal]
): Promise<Tuning> {
  const device = backend.gpuDevice;
  const call = callOf(name, flags.smoke);
  const { Hq, Hkv, L, S, d } = call;
  const found: Tuning = {
    ...{ name, shapes: { q: [1, Hq, L, d], k: [1, Hkv, S, d] } },
    ...{ candidates: [], wrong: [] },
  };
  useTiles(device, {});
  const ways = candidates(device, name, call, flags.candidates);
  const subject = await timed(backend, call);
  const use = (way: Tile | Walk) => useTiles(device, { [adapterKey(device)]: { [name]: way } });
  try {
    for (const way of ways) {
      if (signal.aborted) break;
      shown.step(`checking ${name}`, JSON.stringify(way));
      use(way);
      const error = await subject.error();
      if (error <= WRONG) found.candidates.push({ way, samples: [], median: 0, q1: 0, q3: 0 });
      else found.wrong.push({ way, error: Number.isFinite(error) ? error : null });
      await breathe();
    }
    for (let round = 0; round < flags.rounds && !signal.aborted; round++) {
      shown.step(`timing ${name}`, `round ${round + 1} of ${flags.rounds}`);
      for (const candidate of found.candidates) {
        use(candidate.way);
        candidate.samples.push(await subject.sample());
        await breathe();
      }
    }
  } finally {
    subject.dispose();
  }
  for (const c of found.candidates) if (c.samples.length) Object.assign(c, summary(c.samples));
  return found;
}

/** Returns the candidate with the least median, if three quarters of its samples beat three quarters of the portable one's. */
export function fastest({ candidates: [portable, ...others], wrong }: Tuning): Tile | Walk | undefined {
  if (!portable || wrong.length > 0) return undefined;
  const [best] = others.toSorted((a, b) => a.median - b.median);
  return best && best.q3 < portable.q1 ? best.way : undefined;
}

function table({ classes, tiles, adapter }: Tuned): string {
  const ms = (x: number | undefined) => (x === undefined ? "none" : `${(x * 1000).toPrecision(3)} ms`);
  const row = ({ name, candidates, wrong }: Tuning) => {
    const way = tiles[adapter.key]?.[name];
    const best = candidates.find((c) => JSON.stringify(c.way) === JSON.stringify(way));
    const faster = best ? `${ms(best.median)} with ${JSON.stringify(way)}` : "no tile is faster";
    return `${name}: portable ${ms(candidates[0]?.median)}, ${faster}${wrong.length ? `; ${wrong.length} WRONG` : ""}`;
  };
  return [`${adapter.name} ("${adapter.key}")`, ...classes.map(row)].join("\n");
}
