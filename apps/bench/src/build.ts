/** The origin of a bundle. It is written into the bundle, because it cannot be found out where it runs. */
interface Build {
  /** The version of the package that holds the bundle. Absent where the bundle is no package. */
  readonly version?: string;
  /** The versions of the attnkit packages in the bundle. */
  readonly packages: Readonly<Record<string, string>>;
  /** The names of the attnkit packages that are installed beside the bundle. */
  readonly beside?: readonly string[];
  /** The packages that the user may install beside the bundle, in other versions too: those that were tested with it. */
  readonly optional?: Readonly<Record<string, string>>;
  /** The versions of the tensor libraries that were tested with it. */
  readonly frameworks: Readonly<Record<string, string>>;
  readonly commit: string | null;
}

/** Returns the origin of the bundle that runs, or undefined if the packages of the repository run. */
export const built = (): Build | undefined =>
  process.env.ATTNKIT_BUILD === undefined ? undefined : (JSON.parse(process.env.ATTNKIT_BUILD) as Build);

/**
 * Returns a sentence if the error says that an optional package of the bundle is not installed, and undefined for every
 * other error.
 */
export function missingPackage(error: unknown): string | undefined {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") return undefined;
  const [name] = /(?<=^Cannot find (?:package|module) ')(@[^/']+\/)?[^/']+/.exec(String(message)) ?? [];
  const version = name === undefined ? undefined : built()?.optional?.[name];
  return version === undefined
    ? undefined
    : `the package ${name} is not installed here; run npm install ${name}@${version}`;
}
