import { isAttentionError } from "@attnkit/core";
import { UsageError } from "@attnkit/measure/error";

/** The user's input is wrong: one line, exit code 2. */
export { UsageError } from "@attnkit/measure/error";

/** Everything a command takes from the world around it, so that tests can hand it another one. */
export interface Io {
  /** Writes text as it is to standard output: results. */
  out(text: string): void;
  /** Writes text as it is to standard error: progress and errors. */
  err(text: string): void;
  /** Width of the terminal that standard error is; 0 where it is none. */
  readonly columns: number;
  /** The folder that relative paths start from. */
  readonly cwd: string;
  /** Aborts when the user interrupts; reading it promises to stop soon after. */
  readonly signal: AbortSignal;
}

/** Exit codes of the command line. */
export const EXIT = {
  ok: 0,
  /** Something was measured or checked and is wrong. */
  failed: 1,
  /** The input or the command line is wrong. */
  usage: 2,
  /** A fault of attnkit itself (EX_SOFTWARE of sysexits.h). */
  internal: 70,
  /** 128 + SIGINT. */
  interrupted: 130,
} as const;

/** The one line for an error the user can do something about; nothing for a fault of our own. */
export function userMessage(error: unknown): string | undefined {
  if (error instanceof UsageError || isAttentionError(error)) return oneLine(error.message);
  return undefined;
}

export const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, " ").trim();

/** What an exception says, whatever was thrown. */
export const messageOf = (error: unknown): string => oneLine(error instanceof Error ? error.message : String(error));

/** Gives the event loop a turn, so that an interrupt arrives between two long synchronous steps. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
