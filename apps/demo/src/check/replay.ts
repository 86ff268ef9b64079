/** Replay lines of reports, as the conformance suite writes them and the command line takes them. */

export interface Replay {
  readonly backend: string;
  readonly mechanism: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly law: string;
  readonly case: number;
  readonly seed: number;
}

/** Reads `replay: attnkit conform --backend ... --law ... --case ...`. Throws with what is missing. */
export function parseReplay(line: string): Replay {
  const flags = new Map<string, string>();
  for (const [, name, quoted, plain] of line.matchAll(/--([a-z]+)\s+(?:'([^']*)'|(\S+))/g)) {
    flags.set(name!, quoted ?? plain!);
  }
  const text = (name: string): string => {
    const value = flags.get(name);
    if (value === undefined) throw new Error(`the replay line has no --${name}`);
    return value;
  };
  const whole = (name: string, fallback?: number): number => {
    if (fallback !== undefined && !flags.has(name)) return fallback;
    const value = text(name);
    if (!/^\d+$/.test(value)) throw new Error(`--${name} of the replay line is ${value}, not a whole number`);
    return Number(value);
  };
  return {
    backend: text("backend"),
    mechanism: text("mechanism"),
    options: optionsOf(flags.get("options") ?? "{}"),
    law: text("law"),
    case: whole("case"),
    seed: whole("seed", 1),
  };
}

function optionsOf(json: string): Replay["options"] {
  let options: unknown;
  try {
    options = JSON.parse(json);
  } catch {
    // Said below, with the same words as for JSON that is no object.
  }
  if (typeof options === "object" && options !== null && !Array.isArray(options)) return { ...options };
  throw new Error(`--options of the replay line is ${json}, not a JSON object`);
}

/** The line in a case's error message. */
export const lineOf = (error: string): string | undefined => /^replay: (.*)$/m.exec(error)?.[1];

/** An address that runs the case again where it is opened. */
export function linkOf(line: string, at: string): string {
  const url = new URL(at);
  url.search = new URLSearchParams({ replay: line }).toString();
  url.hash = "tab=check";
  return url.href;
}
