/** Writes the folder that VitePress builds from: the pages, the figures, the generated pages and the navigation. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { repository } from "../../../tools/repo/structure/conventions.ts";
import { readRepo } from "../../../tools/repo/structure/repo.ts";
import { apiEntries, type Entry, writeApi } from "./api.ts";
import { packageParts, supportPage } from "./generated.ts";
import { home } from "./home.ts";
import { navigation } from "./navigation.ts";
import { isFigure, type Page, pageOf, readPages, resolveLink } from "./pages.ts";
import { arrange } from "./sections.ts";

export interface Site {
  readonly pages: readonly Page[];
  /** Writes a page again, after its file has changed. */
  refresh(source: string): void;
}

/** Assembles the site of a repository in a folder. */
export async function assemble(root: string, out: string): Promise<Site> {
  rmSync(out, { recursive: true, force: true });
  const pages = readPages(root);
  const entries = apiEntries(root);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(out, path)), { recursive: true });
    writeFileSync(join(out, path), text);
  };
  const staged = stager(root, pages, entries);
  write("navigation.json", JSON.stringify(navigation(arrange(pages), entries)));
  for (const page of pages) write(page.path, staged(page));
  const isNeeded = (path: string) => statSync(path).isDirectory() || isFigure(path);
  cpSync(join(root, "docs"), join(out, "docs"), { recursive: true, filter: isNeeded });
  write("support.md", `${frontmatter({ editLink: false, aside: false, pageClass: "wide" })}${supportPage(root)}\n`);
  await writeApi(root, join(out, "api"), entries);
  rmSync(join(out, "api/README.md"));
  for (const entry of entries) write(entry.path, apiPage(readFileSync(join(out, entry.path), "utf8"), entry));
  write("api/index.md", apiIndex(entries));
  const extra = readdirSync(join(out, "api")).filter(
    (name) => name !== "index.md" && !entries.some((e) => e.path === `api/${name}`),
  );
  if (extra.length > 0) throw new Error(`TypeDoc wrote ${extra.join(", ")}, which belong to no entry`);
  return { pages, refresh: (source) => write(pageOf(root, source).path, staged(pageOf(root, source))) };
}

/** Returns the function that makes the text of a page of the site from its file. */
function stager(root: string, pages: readonly Page[], entries: readonly Entry[]): (page: Page) => string {
  const sources = new Set(pages.map(({ source }) => source));
  const names = new Map(readRepo(root).packages.map(({ dir, manifest }) => [`${dir}/README.md`, manifest]));
  return (page) => {
    const body = outsideCode(page.text, (prose) =>
      prose.replace(
        /(\]\(|<img src=")([^)"\s]+)/g,
        (_, before, link) => before + resolveLink(root, sources, page.source, link),
      ),
    );
    const edit = `${repository}/edit/main/${page.source}`;
    const manifest = names.get(page.source);
    if (page.source === "README.md") return frontmatter(home(body).front) + home(body).text;
    if (!manifest || manifest.private) return frontmatter({ edit }) + body;
    const up = posix.relative(posix.dirname(page.path), ".");
    const own = entries.filter((entry) => entry.package === manifest.name);
    return `${frontmatter({ edit })}${body}\n${packageParts(manifest.name!, `${up}/`, own)}\n`;
  };
}

/** Applies a change to the parts of a Markdown text that are not fenced code. */
export function outsideCode(markdown: string, change: (prose: string) => string): string {
  return markdown
    .split(/(^```.*?^```$)/ms)
    .map((part, i) => (i % 2 === 0 ? change(part) : part))
    .join("");
}

/** Headings below those of the exports would fill the outline and the search with "Parameters" and "Returns". */
function apiPage(text: string, { specifier, package: name }: Entry): string {
  const body = outsideCode(text, (prose) =>
    prose.replace(
      /^#{4,6} (Parameters|Returns|Type Parameters|Extends|Overrides|Throws|Default Value|Inherited from|Implementation of|See|Properties|Methods|Constructors|Example|Defined in)$/gm,
      "**$1**",
    ),
  );
  return `${frontmatter({ editLink: false, outline: [2, 3] })}# ${specifier}\n\nEntry of \`${name}\`, from its TSDoc.\n\n${body}`;
}

function apiIndex(entries: readonly Entry[]): string {
  const list = entries.map(({ specifier, path }) => `- [\`${specifier}\`](../${path})`).join("\n");
  return `${frontmatter({ editLink: false })}# Reference\n\nEvery entry of every package, from the TSDoc of its sources.\n\n${list}\n`;
}

const frontmatter = (fields: object): string => `---\n${JSON.stringify(fields)}\n---\n\n`;
