/** The process of one build. `process.ts` starts it and sends calls, one at a time. */
import { checkDecode, checkOracle, checkPrefill } from "@attnkit/measure/check";
import type { BenchOptions } from "@attnkit/measure/results";
import type { Sequence } from "@attnkit/measure/sequence";
import { release, type Subject, stateAfter } from "@attnkit/measure/subject";
import { decode, prefill } from "@attnkit/measure/time";
import { messageOf } from "../../io.ts";
import { pilot } from "../pilot.ts";
import { open } from "../run.ts";
import type { Build, Call, Clock, Reply, Size } from "./protocol.ts";

/** Something that can be timed, and called once. */
type Timed = Pick<ReturnType<typeof prefill>, "sample" | "once" | "dispose">;

let options: BenchOptions;
let subjects: readonly Subject[] = [];
const warmed = new Map<string, Timed>();

const subjectOf = ({ cell }: Pick<Size, "cell">): Subject => subjects.find((s) => s.id === cell)!;
const keyOf = ({ cell, what, size }: Size): string => JSON.stringify([cell, what, size]);

const clockOf = ({ adapter }: Subject): Clock => (adapter === null && options.threads === 1 ? "cpu" : "wall");

const timedOf = async (s: Subject, { what, size }: Size): Promise<Timed> =>
  what === "prefill" ? prefill(s, size) : decode(s, size, await stateAfter(s, size));

/** Returns the processor time of this process, in seconds. */
function spent(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function sample(timed: Timed, clock: Clock, calls: number): Promise<number> {
  const before = spent();
  const elapsed = await timed.sample(calls);
  return clock === "cpu" ? (spent() - before) / calls : elapsed;
}

const build: Build = {
  async open(given, sequence: Sequence) {
    options = given;
    subjects = (await open(options, { source: "", sha256: "", sequence, notes: [] })).subjects;
    return subjects.map((s) => ({
      ...{ id: s.id, backend: s.entryName, software: s.adapter?.software === true, clock: clockOf(s) },
    }));
  },
  check: (cell) => checkOracle(subjectOf({ cell })),
  pilot: (cell) => pilot(subjectOf({ cell }), options),
  async answer(size) {
    const s = subjectOf(size);
    const timed = await timedOf(s, size);
    const y = await timed.once();
    const check = await (size.what === "prefill" ? checkPrefill : checkDecode)(s, size.size, y);
    const row = Float64Array.from((await s.backend.download(y)).slice(-s.sequence.dv));
    release(s, [y]);
    timed.dispose();
    return { check, row };
  },
  async warm(size, seconds) {
    const s = subjectOf(size);
    const timed = await timedOf(s, size);
    warmed.set(keyOf(size), timed);
    for (let calls = 1; ; calls *= 2) {
      const call = await sample(timed, clockOf(s), calls);
      if (call * calls > seconds / 2) return call;
    }
  },
  sample: (size, calls) => sample(warmed.get(keyOf(size))!, clockOf(subjectOf(size)), calls),
};

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
