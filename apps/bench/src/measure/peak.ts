import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Options } from "@attnkit/core";
import { outsideFolder } from "../outside/admit.ts";

/** One prefill to measure in a process of its own, as plain data. */
export interface PeakJob {
  readonly mechanism: string;
  readonly options: Options;
  readonly backend: string;
  readonly dtype: string;
  readonly threads: number;
  readonly kernels: "prefer" | "require" | "never";
  readonly B: number;
  readonly Hq: number;
  readonly Hkv: number;
  readonly d: number;
  readonly dv: number;
  readonly length: number;
}

export interface Peak {
  readonly before: number;
  readonly peak: number;
  /** The growth in bytes by a prefill of a few tokens, measured just before. */
  readonly floor: number;
}

/**
 * Measures the resident set of a fresh Node process in bytes: `before` with the inputs in place, the code warm and
 * garbage collected, and `peak` during one prefill.
 * The peak includes garbage that V8 has not collected yet, as in real use. It also includes memory outside V8: on ONNX
 * Runtime its arena, and a session if this length needs another one. Inputs are random, because no program's memory
 * depends on the values.
 */
export function peak(job: PeakJob, signal: AbortSignal): Promise<Peak> {
  // The built file in `dist`. There is no such file when the TypeScript sources run; the caller must not ask then.
  const child = fork(fileURLToPath(new URL("./peak-child.js", import.meta.url)), {
    signal,
    execArgv: ["--expose-gc"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  return new Promise((resolve, reject) => {
    let answer: Peak | undefined;
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.on("message", (message) => {
      answer = message as Peak;
    });
    child.on("error", reject);
    child.on("exit", (code, died) => {
      if (answer) resolve(answer);
      else
        reject(
          new Error(`the process ended with ${died ?? `code ${code}`} ${said.trim().split("\n").at(-1) ?? ""}`.trim()),
        );
    });
    child.send({ ...job, cwd: outsideFolder() });
  });
}
