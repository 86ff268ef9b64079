/** The order of the pages. A page that no section takes is an error, so that none is written and never found. */
import type { Page } from "./pages.ts";

export interface Section {
  readonly text: string;
  /** Paths of Markdown files in order; `*` stands for one name, `**` for any folders. Absent ones are passed over. */
  readonly pages: readonly string[];
  /** Generated pages that come first. */
  readonly generated?: readonly { readonly text: string; readonly link: string }[];
  readonly collapsed?: boolean;
}

export const SECTIONS: readonly Section[] = [
  {
    text: "Start",
    pages: ["README.md", "docs/use-it.md", "docs/questions.md", "docs/support.md", "docs/README.md", "UPGRADING.md"],
  },
  {
    text: "Understand",
    pages: ["docs/semantics.md", "docs/glossary.md", "docs/math.md", "docs/architecture.md", "docs/onnx-attention.md"],
  },
  {
    text: "Packages",
    generated: [{ text: "Support matrix", link: "/support" }],
    pages: ["packages/core/README.md", "packages/mechanisms/*/README.md", "packages/backends/*/README.md"],
  },
  {
    text: "Extend",
    pages: [
      ...["docs/write-a-mechanism.md", "docs/write-a-backend.md", "docs/write-a-kernel.md"],
      ...["packages/wgsl/README.md", "tools/create/README.md", "CONTRIBUTING.md"],
    ],
  },
  {
    text: "Check and measure",
    pages: [
      ...["apps/bench/README.md", "apps/cli/README.md", "docs/read-a-report.md", "apps/demo/README.md"],
      ...["docs/benchmarks.md", "docs/papers.md"],
    ],
  },
  { text: "Examples", pages: ["apps/examples/README.md", "apps/examples/**/README.md"], collapsed: true },
  { text: "Decisions", pages: ["docs/decisions/*.md"], collapsed: true },
  {
    text: "Inside the repository",
    pages: [
      ...["SECURITY.md", "CODE_OF_CONDUCT.md", "apps/docs/README.md", "tools/*/README.md"],
      ...["apps/bench/record/README.md", "apps/bench/record/*/README.md", "apps/bench/gpu/README.md"],
    ],
    collapsed: true,
  },
];

/** Markdown files that are forms, templates or data. */
export const NOT_PAGES: readonly string[] = [".github/**", "tools/create/templates/**", "**/test/**"];

export interface Entry {
  readonly section: Section;
  readonly pages: readonly Page[];
}

/** Puts each page into the first section that takes it. Throws an Error that names the pages that no section takes. */
export function arrange(pages: readonly Page[]): Entry[] {
  const left = new Map(pages.map((page) => [page.source, page]));
  const entries = SECTIONS.map((section) => ({
    section,
    pages: section.pages.flatMap((pattern) =>
      [...left.values()].filter(({ source }) => matches(pattern, source) && left.delete(source)),
    ),
  }));
  if (left.size > 0)
    throw new Error(
      `No section of the site has ${[...left.keys()].join(", ")}: add each to SECTIONS in apps/docs/site/sections.ts, ` +
        "or to NOT_PAGES there if it is no page.",
    );
  return entries;
}

export function matches(pattern: string, path: string): boolean {
  const source = pattern
    .split(/(\*\*\/?|\*)/)
    .map((part) => {
      if (part === "*") return "[^/]+";
      if (part.startsWith("**")) return ".*";
      return part.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
    })
    .join("");
  return new RegExp(`^${source}$`).test(path);
}
