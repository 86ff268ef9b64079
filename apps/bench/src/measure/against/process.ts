import { fork } from "node:child_process";
import type { Build, Method, Reply } from "./protocol.ts";

/** A build in a process of its own. */
export interface BuildProcess extends Build {
  /** Ends the process. */
  end(): void;
}

/**
 * Starts the process of a build. Both builds are started in the same way: with the same program, the same options of
 * Node and the same environment. A call rejects with the message of the error in the process, or with the last line
 * that the process wrote if it ended.
 */
export function start(script: string): BuildProcess {
  const child = fork(script, { execArgv: [], serialization: "advanced", stdio: ["ignore", "ignore", "pipe", "ipc"] });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let said = "";
  let ended: string | undefined;
  let calls = 0;
  const end = (reason: string) => {
    ended ??= reason;
    for (const { reject } of waiting.values()) reject(new Error(ended));
    waiting.clear();
  };
  child.stderr?.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  child.on("message", (reply: Reply) => {
    const { resolve, reject } = waiting.get(reply.id)!;
    waiting.delete(reply.id);
    if ("error" in reply) reject(new Error(reply.error));
    else resolve(reply.value);
  });
  child.on("error", (error) => end(error.message));
  child.on("close", (code, died) => end(`its process ended with ${died ?? `code ${code}`}: ${errorIn(said)}`));
  const call = (method: Method, args: readonly unknown[]) =>
    new Promise<unknown>((resolve, reject) => {
      if (ended !== undefined) return reject(new Error(ended));
      const id = calls++;
      waiting.set(id, { resolve, reject });
      child.send({ id, method, args });
    });
  const methods = ["open", "check", "pilot", "answer", "warm", "sample"] as const satisfies readonly Method[];
  const build = Object.fromEntries(methods.map((m) => [m, (...args: readonly unknown[]) => call(m, args)]));
  return { ...(build as unknown as Build), end: () => void child.kill() };
}

/** Returns the line of a Node stack that names the error, or the last line. */
function errorIn(text: string): string {
  const lines = text.trim().split("\n");
  return (lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? "").trim();
}
