import * as f from "@attnkit/measure/format";
import type { CellResult, Results } from "@attnkit/measure/results";
import { resolution } from "../measure/memory.ts";

/** Explains the memory numbers. It is part of each caption. */
export const MEMORY =
  "Peak memory: the increase of the resident set (bytes) during one prefill, in a Node process of its own. Before it, the " +
  "inputs were in place, the code had run on 64 tokens and garbage was collected. It includes garbage that V8 has not " +
  "collected yet, and memory outside V8: on ONNX Runtime its arena, the outputs, and a session if the length needs another one. " +
  "An increase below 4 MiB, or below four times that of 96 tokens in the same process, is not distinguishable from " +
  "the cost of every length. It is shown as a bound and not fitted. The exponent is fitted to the increase minus that of 96 tokens.";

/** Returns the peak of one length as tables show it, or an empty text if it was not measured. */
export function memoryOf({ memory }: CellResult, length: number): string {
  const found = memory.find((m) => m.length === length);
  if (!found) return "";
  return found.resolved ? f.bytes(found.growth) : `< ${f.bytes(resolution(memory))}`;
}

/** Returns the growth exponent of the peaks, or the reason why there is none. */
export function memoryFit({ memory, growth, baseline }: CellResult): string {
  if (growth.memory) return f.exponent(growth.memory);
  if (baseline || memory.length === 0) return "not measured";
  const lost = memory.filter((m) => !m.resolved).length;
  return lost > 0 && memory.length >= 3 ? `${lost} of ${memory.length} below resolution` : "too few lengths";
}

/** Returns a line about the number of threads, if a backend takes one. */
export function threadsOf({ cells, options: { threads } }: Results): string[] {
  const backends = [...new Set(cells.flatMap((c) => (c.threads === null ? [] : [c.backend])))];
  if (backends.length === 0) return [];
  const waiting = threads > 1 ? ", workers do not spin between calls" : "";
  return [`Threads for one operation: ${threads} on ${backends.join(", ")}, baselines included${waiting}`];
}
