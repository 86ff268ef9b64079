/** A page of the built site. Paths and links start from the folder of the site. */
export interface Visited {
  readonly path: string;
  readonly links: readonly string[];
  readonly ids: ReadonlySet<string>;
}

/** Returns a sentence for each link to a file or an anchor that is not there. */
export function brokenLinks(visited: readonly Visited[], files: ReadonlySet<string>): string[] {
  const pages = new Map(visited.map((page) => [page.path, page]));
  return visited.flatMap(({ path, links }) =>
    [...new Set(links)].flatMap((link) => {
      const [target = "", anchor = ""] = link.split("#");
      const file = decodeURI(target).replace(/(^|\/)$/, "$1index.html");
      if (!files.has(file)) return [`${path} links to ${link}: no such file`];
      const page = pages.get(file);
      // The demo keeps its settings behind the #.
      if (page === undefined || anchor === "" || file.startsWith("demo/")) return [];
      return page.ids.has(decodeURIComponent(anchor)) ? [] : [`${path} links to ${link}: no such anchor`];
    }),
  );
}
