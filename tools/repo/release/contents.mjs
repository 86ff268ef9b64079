/**
 * Says what is wrong with the files of a published package: each entry and the texts that npm shows must be there, and
 * nothing but sources and build output.
 * @returns {string[]} One sentence per problem.
 */
export function contentProblems(
  /** @type {string} */ name,
  /** @type {Record<string, string | Record<string, string>>} */ entries,
  /** @type {readonly string[]} */ files,
) {
  const present = new Set(files);
  const wanted = [
    ...["package.json", "README.md", "LICENSE"],
    ...Object.values(entries).flatMap((entry) => (typeof entry === "string" ? entry : Object.values(entry))),
  ].map((path) => path.replace(/^\.\//, ""));
  return [
    ...wanted.filter((path) => !present.has(path)).map((path) => `${name}: the tarball has no ${path}`),
    ...files.filter((path) => !allowed.test(path)).map((path) => `${name}: ${path} does not belong in the tarball`),
  ];
}

const allowed =
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|src\/.+\.(ts|schema\.json)|templates\/.+|dist\/.+\.(js|d\.ts)(\.map)?|dist\/(text|LICENSES)\.md|dist\/(gpu\/.+\.py|record\/.+\.json))$/;
