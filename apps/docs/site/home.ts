/** The home page: the README below a title and the ways in. */
export interface Home {
  readonly front: object;
  readonly text: string;
}

/** Splits the README of the repository. Throws an Error if it does not begin with a title and an introduction. */
export function home(readme: string): Home {
  const found = /^# (.+)\n\n([^#\n](?:.|\n(?!\n))*)\n\n/.exec(readme);
  if (!found) throw new Error("README.md must begin with a title and an introduction: the home page shows them");
  const [all, name, introduction = ""] = found;
  const tagline = introduction.replaceAll("\n", " ");
  const actions = [
    { theme: "brand", text: "Use it", link: "/docs/use-it" },
    { theme: "alt", text: "Packages", link: "/packages/core/" },
    { theme: "alt", text: "Demo", link: "/demo/index.html", target: "_self" },
  ];
  return { front: { layout: "home", hero: { name, tagline, actions } }, text: readme.slice(all.length) };
}
