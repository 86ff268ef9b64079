import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Returns the names, versions and licence texts of the third-party packages that these files belong to, as Markdown.
 * @throws Error if a package has neither a licence text nor a licence field.
 */
export function licenses(/** @type {readonly string[]} */ files, /** @type {string} */ root) {
  const folders = new Set(
    files.filter((file) => file.includes("node_modules/")).map((file) => packageFolder(join(root, file))),
  );
  const sections = [...folders].map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined && license === undefined) throw new Error(`${name} ${version} names no licence`);
    const text = file === undefined ? "" : `\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
    return `## ${name} ${version}\n\nLicence: ${license ?? "see the text"}\n${text}`;
  });
  return `# Licences of the packages in this bundle\n\n${sections.sort().join("\n")}`;
}

/** Returns the nearest folder above a file whose package.json has a name and a version. */
function packageFolder(/** @type {string} */ file) {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const path = join(folder, "package.json");
    if (existsSync(path) && JSON.parse(readFileSync(path, "utf8")).version !== undefined) return folder;
    if (folder === dirname(folder)) throw new Error(`${file} belongs to no package`);
  }
}
