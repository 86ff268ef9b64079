import * as f from "@attnkit/measure/format";
import { resolution } from "../measure/memory.ts";
import type { CellResult, Results } from "../results.ts";

/** What the numbers count, for the caption of each of them. */
export const MEMORY =
  "Peak memory: how far one prefill raised the resident set (bytes) of a Node process of its own, which had its inputs " +
  "in place, had run the code on 64 tokens and had collected its garbage. Counted are V8's heap with what it does not collect " +
  "in time, and what a framework takes outside it: on ONNX Runtime the arena, the outputs, and the session where the length needs another. " +
  "A rise below four times that of a prefill of 96 tokens in the same process, or below 4 MiB, cannot be told from " +
  "what every length takes: it is shown as a bound and not fitted. The exponent is of the rise less that of the 96 tokens.";

/** The peak of one length as tables show it: nothing where it was not measured. */
export function memoryOf({ memory }: CellResult, length: number): string {
  const found = memory.find((m) => m.length === length);
  if (!found) return "";
  return found.resolved ? f.bytes(found.growth) : `< ${f.bytes(resolution(memory))}`;
}

/** The growth exponent of the peaks, or why there is none. */
export function memoryFit({ memory, growth, baseline }: CellResult): string {
  if (growth.memory) return f.exponent(growth.memory);
  if (baseline || memory.length === 0) return "not measured";
  const lost = memory.filter((m) => !m.resolved).length;
  return lost > 0 && memory.length >= 3 ? `${lost} of ${memory.length} below resolution` : "too few lengths";
}

/** A line on the threads that cells were given, where any takes a number. */
export function threadsOf({ cells, options: { threads } }: Results): string[] {
  const backends = [...new Set(cells.flatMap((c) => (c.threads === null ? [] : [c.backend])))];
  if (backends.length === 0) return [];
  const waiting = threads > 1 ? ", workers do not spin between calls" : "";
  return [`Threads for one operation: ${threads} on ${backends.join(", ")}, baselines included${waiting}`];
}
