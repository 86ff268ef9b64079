import type { MechanismEntry } from "@attnkit/catalog";
import { AttentionError, type Mechanism, type Options } from "@attnkit/core";
import { optionsText } from "@attnkit/core/conformance";
import type { AboutMechanism, Reference } from "@attnkit/core/program";
import { UsageError } from "../io.ts";
import { exportsText, kindOf, type Outside } from "./module.ts";

const EXPECTED =
  "`about` as in AboutMechanism, or `mechanism` and `reference`: two objects ready for use, or two functions of the options";

/** A mechanism with its oracle: both ready for use, or both functions of the options. */
interface Pair {
  readonly mechanism: unknown;
  readonly reference: unknown;
  readonly variants?: readonly Options[];
}

/**
 * Returns the mechanism of a module: its `about`, or its `mechanism` (or default export) with its `reference`, and
 * `variants`, the option sets to test. It is named as the user wrote it, so that a command finds it again.
 * @throws UsageError that says what the module exports and what was expected.
 */
export function mechanismOf(module: Outside): MechanismEntry {
  const { written, chosen, exports } = module;
  const about = aboutOf(module);
  if (about !== undefined) return { ...about, name: written, variants: about.variants ?? [{}] };
  const whole = chosen === undefined ? exports.default : exports[chosen];
  const pair: Pair = isRecord(whole) && "mechanism" in whole ? (whole as unknown as Pair) : pairOf(module);
  const { mechanism, reference, variants } = pair;
  const wrong = (got: string) =>
    new UsageError(written, `exports ${exportsText(module)}: ${got}; expected ${EXPECTED}`);
  if (mechanism === undefined) throw wrong("there is no mechanism");
  if (reference === undefined) throw wrong("there is no reference, so nothing says what is right");
  if (typeof reference !== "function") throw wrong(`the reference is ${kindOf(reference)}`);
  if (typeof mechanism === "function")
    return entry(written, {
      create: mechanism as AboutMechanism["create"],
      reference: reference as AboutMechanism["reference"],
      variants: variants ?? [{}],
    });
  if (!isRecord(mechanism) || typeof mechanism.forward !== "function")
    throw wrong(`the mechanism is ${kindOf(mechanism)}`);
  return ready(written, mechanism as unknown as Mechanism, reference as Reference);
}

/** A mechanism that was made with its options already: it takes no others. */
function ready(written: string, mechanism: Mechanism, reference: Reference): MechanismEntry {
  const own = mechanism.options;
  const only =
    <X>(x: X) =>
    (options: Options = own): X => {
      if (optionsText(options) === optionsText(own)) return x;
      const got = `got ${optionsText(options)}, expected ${optionsText(own)}`;
      throw new AttentionError("ATTN_OPTION", written, `the mechanism was made with its options: ${got}`);
    };
  return entry(written, { create: only(mechanism), reference: only(reference), variants: [own] });
}

/** The fields of an entry that describe a mechanism in the tables of this repository have nothing to say here. */
function entry(written: string, made: Pick<AboutMechanism, "create" | "reference" | "variants">): MechanismEntry {
  return {
    ...made,
    name: written,
    paper: { cite: written, url: "", published: "" },
    summary: { what: written, weight: "", state: "" },
    options: {},
    picture: { formula: () => "", note: () => "", controls: {} },
  };
}

/** The description of the mechanism, if the module has one, or the one of that name in a list of them. */
function aboutOf({ written, chosen, exports }: Outside): AboutMechanism | undefined {
  const given = exports.about ?? (chosen === undefined ? exports.default : exports[chosen]);
  const list = (Array.isArray(given) ? given : [given]) as readonly unknown[];
  if (list.length === 0 || !list.every(isAbout)) return undefined;
  const named = chosen === undefined || chosen in exports ? list : list.filter(({ name }) => name === chosen);
  if (named.length === 1) return named[0];
  const names = list.map(({ name }) => name).join(", ");
  throw new UsageError(
    written,
    `describes the mechanisms ${names}; name one of them: ${written.replace(/#.*/s, "")}#${list[0]!.name}`,
  );
}

/** The exports `mechanism` and `reference`; the default export or the chosen one may stand for the mechanism. */
function pairOf({ chosen, exports }: Outside): Pair {
  const mechanism = chosen === undefined ? (exports.mechanism ?? exports.default) : exports[chosen];
  const reference = exports[`${chosen}Reference`] ?? exports.reference;
  return { mechanism, reference, variants: exports.variants as Pair["variants"] } as Pair;
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null;

const isAbout = (x: unknown): x is AboutMechanism =>
  isRecord(x) &&
  typeof x.name === "string" &&
  typeof x.create === "function" &&
  typeof x.reference === "function" &&
  typeof x.forward !== "function";
