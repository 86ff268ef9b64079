import { isAttentionError } from "@attnkit/core";
import { UsageError } from "@attnkit/measure/error";
import { missingPackage } from "./build.ts";

/** An error in the user's input: printed as one line, exit code 2. */
export { UsageError } from "@attnkit/measure/error";

/** Everything a command needs from its surroundings. Tests pass their own. */
export interface Io {
  /** Writes results to standard output, unchanged. */
  out(text: string): void;
  /** Writes progress and errors to standard error, unchanged. */
  err(text: string): void;
  /** The width in characters if standard error is a terminal, otherwise 0. */
  readonly columns: number;
  /** The folder that relative paths start from. */
  readonly cwd: string;
  /** Aborts when the user interrupts. A command that reads it must stop soon afterwards. */
  readonly signal: AbortSignal;
}

/** The exit codes of the command line. */
export const EXIT = {
  ok: 0,
  /** A measurement or check found something wrong. */
  failed: 1,
  /** The input or the command line is wrong. */
  usage: 2,
  /** A fault in attnkit itself (EX_SOFTWARE of sysexits.h). */
  internal: 70,
  /** 128 + SIGINT. */
  interrupted: 130,
} as const;

/** Returns the message of an error that the user can correct, as one line. Returns undefined for a fault of our own. */
export function userMessage(error: unknown): string | undefined {
  if (error instanceof UsageError || isAttentionError(error)) return oneLine(error.message);
  return missingPackage(error);
}

export const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, " ").trim();

/** Returns the message of anything that was thrown, as one line. */
export const messageOf = (error: unknown): string =>
  missingPackage(error) ?? oneLine(error instanceof Error ? error.message : String(error));

/** Yields to the event loop, so that an interrupt can arrive between two long synchronous steps. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
