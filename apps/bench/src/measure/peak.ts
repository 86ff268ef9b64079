import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Options } from "@attnkit/core";

/** One prefill to measure, in plain data, for a process of its own. */
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
  /** How far a prefill of a few tokens raised it just before. */
  readonly floor: number;
}

/**
 * Resident set of a fresh Node process in bytes: before, with the inputs in place, the code warm and garbage collected;
 * and at the peak of one prefill, with the garbage that V8 has not collected by then, as for whoever runs it, and with
 * what a framework keeps outside V8: on ONNX Runtime its arena, and the session where this length needs another. Random inputs: no
 * program's memory depends on the values.
 */
export function peak(job: PeakJob, signal: AbortSignal): Promise<Peak> {
  // Beside this file in `dist`; under a runner of TypeScript sources there is no such file and the caller must not ask.
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
    child.send(job);
  });
}
