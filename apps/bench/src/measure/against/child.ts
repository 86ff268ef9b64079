/** The process of one build. `process.ts` starts it and sends calls, one at a time. */
import { checkDecode, checkOracle, checkPrefill } from "@attnkit/measure/check";
import type { BenchOptions } from "@attnkit/measure/results";
import type { Sequence } from "@attnkit/measure/sequence";
import { release, type Subject, stateAfter } from "@attnkit/measure/subject";
import { decode, prefill, type Timed } from "@attnkit/measure/time";
import { messageOf } from "../../io.ts";
import { pilot } from "../pilot.ts";
import { open } from "../run.ts";
import type { Answer, Build, Call, Clock, Reply, Size } from "./protocol.ts";

/** Seconds of processor time to warm up a size after its check: V8 has compiled the loops by then. */
const WARM = 0.3;
/** The most calls of a warm-up. */
const WARM_CALLS = 2000;

let options: BenchOptions;
let subjects: readonly Subject[] = [];
const prepared = new Map<string, Timed>();

const subjectOf = (cell: string): Subject => subjects.find((s) => s.id === cell)!;
const keyOf = ({ cell, what, size }: Size): string => JSON.stringify([cell, what, size]);

const clockOf = ({ adapter }: Subject): Clock => (adapter === null && options.threads === 1 ? "cpu" : "wall");

const build: Build = {
  async open(given, sequence: Sequence) {
    options = given;
    subjects = (await open(options, { source: "", sha256: "", sequence, notes: [] })).subjects;
    return subjects.map((s) => ({
      ...{ id: s.id, backend: s.entryName, software: s.adapter?.software === true, clock: clockOf(s) },
    }));
  },
  check: (cell) => checkOracle(subjectOf(cell)),
  pilot: (cell) => pilot(subjectOf(cell), options),
  async prepare(size) {
    const s = subjectOf(size.cell);
    const [timed, answer] =
      size.what === "prefill" ? await prepareForPrefill(s, size) : await prepareForDecode(s, size);
    prepared.set(keyOf(size), timed);
    await warm(timed);
    return answer;
  },
  async sample(size) {
    const timed = prepared.get(keyOf(size))!;
    const before = process.cpuUsage();
    const elapsed = await timed.sample(size.calls);
    const { user, system } = process.cpuUsage(before);
    return clockOf(subjectOf(size.cell)) === "cpu" ? (user + system) / 1e6 / size.calls : elapsed;
  },
  async dispose(size) {
    prepared.get(keyOf(size))?.dispose();
    prepared.delete(keyOf(size));
  },
};

async function prepareForPrefill(s: Subject, { size }: Size): Promise<[Timed, Answer]> {
  const timed = prefill(s, size);
  const y = await timed.once();
  const answer = { check: await checkPrefill(s, size, y), row: await lastRow(s, y) };
  release(s, [y]);
  return [timed, answer];
}

async function prepareForDecode(s: Subject, { size }: Size): Promise<[Timed, Answer]> {
  const timed = decode(s, size, await stateAfter(s, size));
  const y = await timed.once();
  const answer = { check: await checkDecode(s, size, y), row: await lastRow(s, y) };
  release(s, [y]);
  return [timed, answer];
}

/** Calls at least twice, and until the process has computed for a while: on a busy machine that takes longer. */
async function warm(timed: Timed): Promise<void> {
  const before = process.cpuUsage();
  const spent = () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  for (let i = 0; i < 2 || (i < WARM_CALLS && spent() < WARM); i++) await timed.sample(1);
}

const lastRow = async ({ backend, sequence }: Subject, y: unknown): Promise<Float64Array> =>
  Float64Array.from((await backend.download(y)).slice(-sequence.dv));

process.on("message", async ({ id, method, args }: Call) => {
  const reply = (r: Reply) => process.send?.(r);
  try {
    reply({ id, value: await (build[method] as (...args: readonly unknown[]) => Promise<unknown>)(...args) });
  } catch (error) {
    reply({ id, error: messageOf(error) });
  }
});
// Dawn and ONNX Runtime may keep the process alive after its parent is gone.
// Ctrl-C reaches the whole group of processes. The parent stops the run and ends this process.
process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit(0));
