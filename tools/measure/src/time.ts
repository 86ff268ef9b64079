import type { State } from "@attnkit/core";
import { parts, release, type Subject, type Uploaded, upload } from "./subject.ts";

const now = (): number => performance.now() / 1000;

/** Something that can be timed repeatedly. */
export interface Timed {
  /** Returns the seconds per call, averaged over `calls` calls. */
  sample(calls: number): Promise<number>;
  dispose(): void;
}

/**
 * Times a prefill of the first `length` tokens. Inputs are on the device. The output is computed but not downloaded.
 */
export function prefill(s: Subject, length: number): Timed & { once(): Promise<unknown>; readonly block: Uploaded } {
  const block = upload(s, 0, length);
  const run = async () => {
    const result = await s.attend(block);
    await s.settle(result.y);
    return result;
  };
  return {
    block,
    /** Makes one call. The caller checks and frees its output. */
    async once() {
      const result = await run();
      release(s, parts(result), [result.y]);
      return result.y;
    },
    async sample(calls) {
      const start = now();
      for (let i = 0; i < calls; i++) release(s, parts(await run()));
      return (now() - start) / calls;
    },
    dispose: () => release(s, Object.values(block)),
  };
}

/**
 * Times decoding after `context` tokens. Each call is one token, its output is downloaded, and its state feeds the next
 * few calls.
 */
export function decode(
  s: Subject,
  context: number,
  state: State<unknown>,
): Timed & { once(): Promise<unknown>; first(): Uploaded } {
  const uploaded: Uploaded[] = [];
  const token = (i: number) => {
    // After the end of the input, its tokens are repeated.
    const at = (context + i) % s.sequence.length;
    uploaded[i] ??= upload(s, at, at + 1);
    return uploaded[i];
  };
  // The number of tokens in a row. It is small, so that the context of a sample hardly grows, even for a growing cache.
  const chain = Math.max(1, Math.min(64, Math.floor(context / 16)));
  return {
    /** Returns the first token that is decoded. */
    first: () => token(0),
    async once() {
      const result = await s.attend({ ...token(0), state });
      release(s, parts(result), [result.y, ...Object.values(state)]);
      return result.y;
    },
    async sample(calls) {
      const tokens = Array.from({ length: Math.min(chain, calls) }, (_, i) => token(i));
      let current = state;
      const start = now();
      for (let i = 0; i < calls; i++) {
        const before = i % chain === 0 ? state : current;
        const result = await s.attend({ ...tokens[i % chain]!, state: before });
        // Decoding needs the output before the next token.
        await s.backend.download(result.y);
        release(
          s,
          [result.y, ...(current === state ? [] : Object.values(current))],
          [...Object.values(result.state), ...Object.values(state)],
        );
        current = result.state;
      }
      const seconds = (now() - start) / calls;
      if (current !== state) release(s, Object.values(current), Object.values(state));
      return seconds;
    },
    dispose: () => release(s, [...uploaded.flatMap((t) => (t ? Object.values(t) : [])), ...Object.values(state)]),
  };
}

/** Seconds. A shorter sample mostly measures the clock and the scheduler. */
const SAMPLE = 0.02;

/** Returns the number of calls that a sample should average, for calls of this many seconds. */
export const callsFor = (seconds: number, most: number): number =>
  Math.max(1, Math.min(most, Math.ceil(SAMPLE / Math.max(seconds, 1e-7))));

/**
 * Calls at least twice and for `seconds`, until V8 has compiled the code. Returns the time of the fastest of the last
 * calls.
 */
export async function warm(t: Timed, seconds: number): Promise<number> {
  const end = now() + seconds;
  let recent: number[] = [];
  for (let i = 0; i < 2 || (now() < end && i < 200); i++) recent = [...recent.slice(-4), await t.sample(1)];
  return Math.min(...recent);
}
