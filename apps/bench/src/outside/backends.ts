import type { BackendEntry } from "@attnkit/catalog";
import type { Backend, DType } from "@attnkit/core";
import type { AboutBackend } from "@attnkit/core/backend";
import { messageOf, UsageError } from "../io.ts";
import { exportsText, kindOf, type Outside } from "./module.ts";

const EXPECTED = "a backend, a function that makes one, or a list `about` of { name, kind, dtypes, create }";

/**
 * Returns the backends of a module: those of its list `about`, or the one that its export `default`, `backend`, or its
 * only suitable export is or makes. Each is named as the user wrote it, so that a command finds it again.
 * @throws UsageError that says what the module exports and what was expected.
 */
export async function backendsOf(module: Outside): Promise<BackendEntry[]> {
  const { written, chosen, exports } = module;
  const list = aboutsOf(exports.about ?? exports.default);
  if (list !== undefined) {
    const own = chosen === undefined ? list : list.filter(({ name }) => name === chosen);
    if (own.length === 0 && !(chosen! in exports)) throw new UsageError(written, noneNamed(chosen!, list, module));
    const name = (entry: AboutBackend) =>
      chosen !== undefined || list.length === 1 ? written : `${written}#${entry.name}`;
    if (own.length > 0)
      return own.map((entry) => ({ ...entry, create: (how) => entry.create(how), name: name(entry) }));
  }
  const [exported, value] = found(module);
  return [await entryOf(module, exported, value)];
}

function found(module: Outside): readonly [name: string, value: unknown] {
  const { written, chosen, exports } = module;
  const names = chosen === undefined ? ["default", "backend"] : [chosen];
  const name = names.find((n) => exports[n] !== undefined);
  if (name !== undefined) return [name, exports[name]];
  const able = Object.entries(exports).filter(([, x]) => typeof x === "function" || isBackend(x));
  if (chosen === undefined && able.length === 1) return able[0]!;
  const which =
    able.length > 1 && chosen === undefined
      ? `; name the one to use: ${written}#${able[0]![0]}`
      : ", as the default export or as `backend`";
  throw new UsageError(written, `exports ${exportsText(module)}; expected ${EXPECTED}${which}`);
}

async function entryOf({ written }: Outside, exported: string, value: unknown): Promise<BackendEntry> {
  const make = typeof value === "function" ? (value as (how?: { dtype: DType }) => unknown) : undefined;
  let first: Backend<unknown> | undefined;
  const made = async (how?: { dtype: DType }): Promise<Backend<unknown>> => {
    let backend: unknown = value;
    try {
      if (make) backend = await make(how);
    } catch (error) {
      throw new UsageError(
        written,
        `its function ${exported}, called with ${JSON.stringify(how) ?? "no arguments"}, threw: ${messageOf(error)}`,
      );
    }
    if (isBackend(backend)) return backend;
    const what = make ? `its function ${exported} returned ${kindOf(backend)}` : `${exported} is ${kindOf(backend)}`;
    throw new UsageError(written, `${what}; expected ${EXPECTED}`);
  };
  first = await made();
  const { kind, hosts, dtype: own, supports } = first;
  // A backend that is not made by a function has one float type.
  const others = make ? (supports?.dtypes ?? []).filter((dtype) => dtype !== own) : [];
  return {
    name: written,
    kind,
    ...(hosts && { hosts }),
    dtypes: [own, ...others],
    places: ["node"],
    async create({ dtype = own } = {}) {
      if (dtype === own && first) return first;
      const backend = await made({ dtype });
      if (backend.dtype === dtype) return backend;
      throw new UsageError(
        written,
        `supports.dtypes has ${dtype}, and ${exported}({ dtype: "${dtype}" }) made a backend of ${backend.dtype}`,
      );
    },
  };
}

/** The list `about`, if it is one; a single entry is a list of one. */
function aboutsOf(x: unknown): readonly AboutBackend[] | undefined {
  const list = Array.isArray(x) ? x : [x];
  return list.length > 0 && list.every(isAbout) ? (list as readonly AboutBackend[]) : undefined;
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null;

const isAbout = (x: unknown): boolean =>
  isRecord(x) && typeof x.name === "string" && typeof x.create === "function" && Array.isArray(x.dtypes);

const isBackend = (x: unknown): x is Backend<unknown> =>
  isRecord(x) && ["upload", "download", "compile"].every((name) => typeof x[name] === "function");

const noneNamed = (chosen: string, list: readonly AboutBackend[], module: Outside): string =>
  `has no backend ${JSON.stringify(chosen)}; its list about has ${list.map(({ name }) => name).join(", ")}, and it exports ${exportsText(module)}`;
