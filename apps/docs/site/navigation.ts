/** The sidebar and the links of the header, in VitePress's form. */
import type { DefaultTheme } from "vitepress";
import type { Entry } from "./api.ts";
import type { Page } from "./pages.ts";
import type { Entry as Arranged } from "./sections.ts";

export interface Navigation {
  readonly nav: DefaultTheme.NavItem[];
  readonly sidebar: DefaultTheme.SidebarItem[];
}

export function navigation(sections: readonly Arranged[], entries: readonly Entry[]): Navigation {
  const items = sections
    .map(({ section: { text, generated = [], collapsed = false }, pages }) => ({
      ...{ text, collapsed },
      items: [...generated, ...pages.map((page) => ({ text: textOf(page), link: linkOf(page.path) }))],
    }))
    .filter(({ items }) => items.length > 0);
  const reference = {
    text: "Reference",
    collapsed: true,
    items: entries.map(({ specifier, path }) => ({ text: specifier, link: linkOf(path) })),
  };
  const at = items.findIndex(({ text }) => text === "Packages") + 1;
  const first = (text: string) => items.find((item) => item.text === text)!.items[0]!.link;
  return {
    nav: [
      { text: "Semantics", link: "/docs/semantics" },
      { text: "Packages", link: first("Packages") },
      { text: "Reference", link: "/api/" },
      { text: "Papers", link: "/docs/papers" },
      { text: "Benchmarks", link: "/docs/benchmarks" },
      // A page of its own, which VitePress's router must not take for one of its pages.
      { text: "Demo", link: "/demo/index.html", target: "_self" },
    ],
    sidebar: [...items.slice(0, at), reference, ...items.slice(at)],
  };
}

const textOf = ({ source, title }: Page): string => (source === "README.md" ? "Overview" : title);
const linkOf = (path: string): string => `/${path.replace(/(^|\/)index\.md$/, "$1").replace(/\.md$/, "")}`;
