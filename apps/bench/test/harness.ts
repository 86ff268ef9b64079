import { mkdtempSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FileTensors } from "@attnkit/measure/tensor";
import { fileTensor } from "@attnkit/measure/tensor";
import { afterAll, expect, vi } from "vitest";
import { main } from "../src/program.ts";

// Processes and benchmarks on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A folder of its own for a test file, gone after it. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "attnkit-bench-"));
  afterAll(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** The command line in this process, as a user in `cwd` would have run it. */
export async function cli(
  cwd: string,
  argv: readonly string[],
  how: { signal?: AbortSignal; onErr?(text: string): void } = {},
): Promise<Outcome> {
  let [out, err] = ["", ""];
  const code = await main(argv, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
      how.onErr?.(text);
    },
    columns: 0,
    cwd,
    signal: how.signal ?? new AbortController().signal,
  });
  return { code, out, err };
}

/** q, k and v of one head: rank 2, smooth numbers, `dv = d`. */
export function tensors(
  length: number,
  d = 4,
  change: (name: string, data: Float32Array) => void = () => {},
): FileTensors {
  return new Map(
    ["q", "k", "v"].map((name, n) => {
      const data = Float32Array.from({ length: length * d }, (_, i) => Math.sin(1 + i * (0.7 + n)));
      change(name, data);
      return [name, fileTensor(data, [length, d])];
    }),
  );
}

/** `bench` refuses these arguments: one line that says why, exit code 2, nothing written. */
export async function refused(cwd: string, args: readonly string[], reason: RegExp): Promise<void> {
  const before = readdirSync(cwd);
  const { code, out, err } = await cli(cwd, ["bench", ...args]);
  expect(err).toMatch(reason);
  expect([code, out, err.trimEnd().split("\n").length]).toEqual([2, "", 1]);
  expect(readdirSync(cwd)).toEqual(before);
}
