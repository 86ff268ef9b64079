/** The order of a race: sizes upwards, at each size all lanes in turn, round after round, so that drift hits all alike. */
import { mechanisms } from "@attnkit/catalog/mechanisms";
import { schedule } from "@attnkit/measure/schedule";
import { summary } from "@attnkit/measure/statistics";
import type { BackendName } from "../device/device.ts";
import { WorkerFailure } from "../shell/worker.ts";
import type { Racer } from "./racer.ts";
import type { LaneResult, PointResult, RaceOptions, RaceResults, What } from "./results.ts";
import { SCHEMA } from "./schema.ts";

/** One backend's racer, wherever it runs: methods may answer later. */
export type Remote = {
  readonly [K in keyof Racer]: (...args: Parameters<Racer[K]>) => Promise<Awaited<ReturnType<Racer[K]>>>;
};

/** A racer that is open, and what rejects when its device is lost: calls on it may then never return. */
interface Open {
  readonly remote: Remote;
  readonly gone: Promise<never>;
}

export interface Course {
  readonly results: RaceResults;
  /** Opens the racer of a backend, once per call. */
  racer(name: BackendName): Remote;
  readonly signal: AbortSignal;
  changed(doing: string): void;
  /** Says that a worker failed; its lanes wait and can be tried again. */
  failed(error: WorkerFailure): void;
}

/** Milliseconds in which a failure may still turn out to be the device's. */
const GRACE = 4000;
/** Larger tensors than this are not asked of a visitor's machine. */
const LARGEST_BYTES = 2 ** 28;

export function newResults(options: RaceOptions, environment: RaceResults["environment"]): RaceResults {
  const now = new Date().toISOString();
  const lanes = options.backends.flatMap((backend) =>
    options.mechanisms.map((mechanism): LaneResult => {
      const entry = mechanisms.find((m) => m.name === mechanism);
      return {
        id: `${mechanism} on ${backend}`,
        mechanism,
        options: { ...entry?.variants[0] },
        backend,
        adapter: null,
        hardware: false,
        status: "waiting",
        checks: [],
        points: [],
        leftOut: [],
      };
    }),
  );
  return { schema: SCHEMA, complete: false, started: now, finished: now, environment, options, lanes };
}

/** Runs what is not done yet until all is, or until `signal` aborts; what goes wrong in one lane ends that lane alone. */
export async function conduct(course: Course): Promise<void> {
  const { results, signal } = course;
  const remotes = new Map<BackendName, Open>();
  for (const backend of results.options.backends) {
    const lanes = results.lanes.filter((l) => l.backend === backend && !["failed", "unavailable"].includes(l.status));
    if (signal.aborted || !lanes.length || !lanes.some((l) => todo(results, l))) continue;
    await openLanes(course, backend, lanes, remotes);
  }
  for (const size of results.options.sizes) {
    for (const what of ["prefill", "decode"] as const) {
      if (signal.aborted) break;
      await heat(course, remotes, what, size);
    }
  }
  results.complete = !signal.aborted && results.lanes.every((l) => l.status !== "lost" && l.status !== "waiting");
  results.finished = new Date().toISOString();
}

/** Returns whether a lane still has something to time. */
const todo = ({ options }: RaceResults, lane: LaneResult): boolean =>
  lane.status === "waiting" ||
  lane.status === "lost" ||
  options.sizes.some((size) => (["prefill", "decode"] as const).some((what) => due(lane, what, size, options.rounds)));

const pointOf = (lane: LaneResult, what: What, size: number): PointResult | undefined =>
  lane.points.find((p) => p.what === what && p.size === size);

const due = (lane: LaneResult, what: What, size: number, rounds: number): boolean =>
  (pointOf(lane, what, size)?.samples.length ?? 0) < rounds &&
  !lane.leftOut.some((l) => l.what === what && l.size === size);

async function openLanes(course: Course, backend: BackendName, lanes: LaneResult[], remotes: Map<BackendName, Open>) {
  const remote = course.racer(backend);
  let open: Open;
  try {
    course.changed(`opening ${backend}`);
    const { adapter, hardware } = await remote.open(backend, course.results.options);
    const end = (status: "lost" | "waiting", reason: string) => {
      for (const lane of lanes) if (lane.status !== "failed") Object.assign(lane, { status, reason });
      course.changed(`${backend} was lost`);
    };
    const gone = remote.lost().then(
      (reason): never => {
        end("lost", reason);
        throw new Error("lost");
      },
      (error: unknown): never => {
        end("waiting", messageOf(error));
        if (error instanceof WorkerFailure) course.failed(error);
        throw error;
      },
    );
    gone.catch(() => {}); // also where nothing waits for it
    open = { remote, gone };
    remotes.set(backend, open);
    for (const lane of lanes) {
      // Times of one adapter do not stand under the name of another.
      if (lane.adapter !== null && lane.adapter !== adapter)
        Object.assign(lane, { checks: [], points: [], leftOut: [] });
      Object.assign(lane, { adapter, hardware, status: "waiting" });
      delete lane.reason;
    }
  } catch (error) {
    const status = error instanceof WorkerFailure ? "waiting" : "unavailable";
    for (const lane of lanes) Object.assign(lane, { status, reason: messageOf(error) });
    if (error instanceof WorkerFailure) course.failed(error);
    return;
  }
  for (const lane of lanes) {
    if (course.signal.aborted) return;
    course.changed(`checking ${lane.id}`);
    await guarded(lane, open, async () => {
      const check = await remote.enter(lane.mechanism);
      keep(lane, check);
      lane.status = "checked";
      delete lane.reason;
    });
  }
}

/** One size, all lanes. */
async function heat({ results, signal, changed }: Course, remotes: Map<BackendName, Open>, what: What, size: number) {
  const { rounds, limit } = results.options;
  const openOf = (lane: LaneResult) => remotes.get(lane.backend);
  await schedule({
    items: results.lanes.filter((lane) => due(lane, what, size, rounds)),
    signal,
    live: (lane) => openOf(lane) !== undefined && lane.status === "checked",
    guard: (lane, work) => guarded(lane, openOf(lane)!, work),
    async prepare(lane) {
      changed(`checking ${what} of ${size} tokens, ${lane.id}`);
      const open = openOf(lane)!;
      const reason = await tooMuch(lane, open.remote, what, size, limit);
      if (reason !== undefined) {
        lane.leftOut.push({ what, size, reason });
        return undefined;
      }
      const { check, calls, stateBytes } = await open.remote.ready(lane.mechanism, what, size);
      keep(lane, check);
      const empty = { what, size, calls, samples: [], median: 0, q1: 0, q3: 0, stateBytes };
      const point: PointResult = pointOf(lane, what, size) ?? empty;
      return {
        get taken() {
          return point.samples.length;
        },
        wanted: rounds,
        async sample() {
          point.samples.push(await open.remote.sample(lane.mechanism, what, size, point.calls));
          Object.assign(point, summary(point.samples));
          if (!lane.points.includes(point)) lane.points.push(point);
          changed(`timing ${what} of ${size} tokens, round ${point.samples.length} of ${rounds}`);
        },
        async dispose() {
          if (lane.status === "lost" || lane.status === "waiting") return;
          await Promise.race([open.remote.done(lane.mechanism, what, size), open.gone]).catch(() => {});
        },
      };
    },
  });
}

/** Why this size is not asked for: predicted from the one before by the work of both. */
async function tooMuch(lane: LaneResult, remote: Remote, what: What, size: number, limit: number) {
  const { flops, bytes } = await remote.cost(lane.mechanism, what, size);
  if (bytes > LARGEST_BYTES) return `its largest tensor would take ${Math.round(bytes / 2 ** 20)} MiB`;
  const before = lane.points.filter((p) => p.what === what && p.size < size).at(-1);
  if (!before) return undefined;
  const known = await remote.cost(lane.mechanism, what, before.size);
  const expected = (before.median * flops) / known.flops;
  return expected > limit ? `expected to take ${expected.toFixed(1)} s a call, over ${limit} s` : undefined;
}

/** Keeps a check; throws if it was not passed: a wrong answer has no speed. */
function keep(lane: LaneResult, check: LaneResult["checks"][number]): void {
  lane.checks.push(check);
  if (!check.passed)
    throw new Error(`wrong answer: ${check.what} at ${check.size} tokens, ${check.detail ?? "not finite"}`);
}

async function guarded(lane: LaneResult, { gone }: Open, work: () => Promise<void>): Promise<void> {
  try {
    await Promise.race([work(), gone]);
  } catch (error) {
    // A device may fail its calls before it says that it is lost, and a lost one has not answered wrong.
    if (lane.checks.at(-1)?.passed !== false && !(error instanceof WorkerFailure))
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, GRACE))]).catch(() => {});
    if (lane.status === "lost" || error instanceof WorkerFailure) return;
    Object.assign(lane, { status: "failed", reason: messageOf(error), points: [] });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
