import { CreateError } from "./error.ts";

/** The three forms of a name: `fast-gpu`, `fastGpu`, `FastGpu`. */
export interface Names {
  readonly kebab: string;
  readonly camel: string;
  readonly pascal: string;
}

const MOST = 60;

/**
 * Returns the forms of a name.
 * @throws `CreateError` unless the name is lower-case words with hyphens between them, which is no word of JavaScript.
 */
export function namesOf(name: string): Names {
  const refuse = (rule: string) => new CreateError(`The name ${JSON.stringify(name)} cannot be used: ${rule}.`);
  if (name.length > MOST) throw refuse(`it has ${name.length} characters; at most ${MOST} are allowed`);
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    throw refuse(
      "a name has lower-case letters, digits and single hyphens, and begins with a letter, such as my-backend; a scope is added in package.json afterwards",
    );
  const pascal = name.replaceAll(/(^|-)([a-z0-9])/g, (_, __, first: string) => first.toUpperCase());
  const camel = pascal[0]!.toLowerCase() + pascal.slice(1);
  if (!isIdentifier(camel)) throw refuse(`${camel} would name a function, and it is a reserved word of JavaScript`);
  return { kebab: name, camel, pascal };
}

function isIdentifier(word: string): boolean {
  try {
    // The parser knows every reserved word. The text is letters and digits, and it is never called.
    new Function(`"use strict"; const ${word} = 0;`);
    return true;
  } catch {
    return false;
  }
}

/** Returns a text with each form of one name replaced by that of another. */
export function renamed(text: string, from: Names, to: Names): string {
  return text.replaceAll(from.kebab, to.kebab).replaceAll(from.camel, to.camel).replaceAll(from.pascal, to.pascal);
}
