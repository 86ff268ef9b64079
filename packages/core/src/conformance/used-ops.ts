import type { Supports } from "../backend/backend.ts";
import type { Ops } from "../program/ops.ts";
import type { Host } from "./host.ts";
import { define } from "./ops/define.ts";

/** Runs a program by the definitions and returns the names of the operations that it calls. */
export function usedOps(program: (o: Ops<Host>) => unknown): ReadonlySet<string> {
  const used = new Set<string>();
  const watched = Object.fromEntries(
    Object.entries(define).map(([name, op]) => [
      name,
      typeof op !== "function"
        ? op
        : (...args: unknown[]) => {
            used.add(name);
            return (op as (...given: unknown[]) => unknown)(...args);
          },
    ]),
  ) as unknown as Ops<Host>;
  program(watched);
  return used;
}

/** The largest factor that a backend declares for one of these operations, at least 1. */
export const factorOf = (accuracy: NonNullable<Supports["accuracy"]>, used: ReadonlySet<string>): number =>
  Object.entries(accuracy).reduce((most, [op, factor]) => (used.has(op) ? Math.max(most, factor ?? 1) : most), 1);
