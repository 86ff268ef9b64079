import type { Readable, Writable } from "node:stream";
import { isCancel, select, text } from "@clack/prompts";
import { CreateError } from "./error.ts";
import { type AppTemplate, appTemplates, type Choice, type Kind, kinds, placeholder } from "./kinds.ts";
import { namesOf } from "./names.ts";

/** The streams of a terminal. */
export interface Terminal {
  readonly input: Readable;
  readonly output: Writable;
}

/** The questions of the prompts. Each returns the answer, and throws a `CreateError` if the person cancels. */
export interface Asker {
  kind(): Promise<Kind>;
  template(): Promise<AppTemplate>;
  name(kind: Kind): Promise<string>;
  dir(name: string): Promise<string>;
}

/** Returns the questions on a terminal. */
export function askerOn(terminal: Terminal): Asker {
  const choose = async <V extends string>(message: string, choices: readonly Choice<V>[]): Promise<V> => {
    const options = choices.map(({ value, says }): { value: string; label: string; hint: string } => ({
      value,
      label: value,
      hint: says,
    }));
    return answered(await select<string>({ message, options, ...terminal })) as V;
  };
  return {
    kind: () => choose("Which kind of project?", kinds),
    template: () => choose("Which application?", appTemplates),
    name: async (kind) =>
      answered(
        await text({
          message: "Its name?",
          placeholder: placeholder[kind],
          defaultValue: placeholder[kind],
          validate: (given) => (given === undefined || given === "" ? undefined : problemWith(given)),
          ...terminal,
        }),
      ),
    dir: async (name) =>
      answered(
        await text({ message: "Which folder?", placeholder: `./${name}`, defaultValue: `./${name}`, ...terminal }),
      ),
  };
}

function answered<A>(answer: A): Exclude<A, symbol> {
  if (isCancel(answer)) throw new CreateError("Cancelled. Nothing was written.");
  return answer as Exclude<A, symbol>;
}

function problemWith(name: string): string | undefined {
  try {
    namesOf(name);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
