import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DefaultTheme, UserConfig } from "vitepress";
import type { Navigation } from "./navigation.ts";
import { githubSlug } from "./slug.ts";

const app = fileURLToPath(new URL("..", import.meta.url));

/** Returns VitePress's settings. Call it after `assemble`, which writes the navigation. */
export function config(repository: string): UserConfig<DefaultTheme.Config> {
  const { nav, sidebar }: Navigation = JSON.parse(readFileSync(join(app, ".site/navigation.json"), "utf8"));
  return {
    title: "attnkit",
    description: "Attention mechanisms for JavaScript, with pluggable backends",
    lang: "en",
    base: process.env.ATTNKIT_SITE_BASE ?? "/",
    srcDir: ".site",
    outDir: "dist",
    cacheDir: "node_modules/.cache/vitepress",
    // Links to pages of the demo are checked after the build: VitePress does not know them.
    ignoreDeadLinks: [/^\/demo\//],
    markdown: {
      // Anchors are those that GitHub shows, so that one link works in both places.
      anchor: { slugify: githubSlug },
      toc: { level: [2, 3] },
      theme: { light: "github-light-high-contrast", dark: "github-dark" },
    },
    vite: { logLevel: "warn", build: { chunkSizeWarningLimit: 4000 } },
    themeConfig: {
      nav,
      sidebar,
      outline: { level: [2, 3] },
      search: { provider: "local", options: { miniSearch: { searchOptions: { boostDocument } } } },
      socialLinks: [{ icon: "github", link: repository }],
      editLink: { pattern: ({ frontmatter }) => frontmatter.edit ?? repository, text: "Edit this page" },
      docFooter: { prev: "Previous", next: "Next" },
    },
  };
}

/** Guides and packages come before the reference, and decisions last. */
function boostDocument(id: string): number {
  if (/\/(decisions|record)\//.test(id)) return 0.5;
  return /\/api\//.test(id) ? 0.7 : 1.5;
}
