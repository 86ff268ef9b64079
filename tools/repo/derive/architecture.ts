/** docs/architecture.svg: the packages of this repository and their imports, read from the sources. */
import { importsOf, type Kind, type Package, packageOf, readRepo, sources } from "../structure/repo.ts";
import type { Derived } from "./derived.ts";

/** A package in the picture. */
export interface Node {
  /** The name without the scope. */
  readonly name: string;
  readonly kind: Kind;
  readonly dir: string;
  readonly about: string;
  /** The names of the packages that it imports. */
  readonly imports: readonly string[];
}

/** The picture of this repository. */
export function architecture(root: string): Derived[] {
  return [{ path: "docs/architecture.svg", text: `${draw(nodesOf(readRepo(root).packages))}\n` }];
}

/**
 * Returns each package with the packages that its sources import. A package without sources counts by its tests, and if
 * these import none either, by its dependencies.
 */
export function nodesOf(packages: readonly Package[]): Node[] {
  const own = new Set(packages.map(({ manifest }) => manifest.name));
  return packages.map((pkg) => {
    const found = [sources(pkg, "src"), sources(pkg, "test")].find((files) => files.length > 0) ?? [];
    const names = found.flatMap(([, text]) => importsOf(text).map(({ specifier }) => packageOf(specifier) ?? ""));
    const ours = (all: readonly string[]) => all.filter((name) => own.has(name) && name !== pkg.manifest.name).sort();
    const imported = ours([...new Set(names)]);
    const bundle = imported.length === 0 && sources(pkg, "src").length === 0;
    const imports = bundle ? ours(Object.keys(pkg.manifest.dependencies ?? {})) : imported;
    return {
      name: short(pkg.manifest.name ?? pkg.dir),
      kind: pkg.kind,
      dir: pkg.dir,
      about: String(pkg.manifest.description ?? ""),
      imports: imports.map(short),
    };
  });
}

const short = (name: string): string => name.replace(/^@[^/]+\//, "");

/** Returns the imports that do not follow from others: `a` to `c` is left out if `a` imports `b`, and `b` imports `c`. */
export function reduced(nodes: readonly Node[]): Map<string, string[]> {
  const imports = new Map(nodes.map((node) => [node.name, node.imports]));
  const reaches = (from: string, to: string): boolean =>
    (imports.get(from) ?? []).some((next) => next === to || reaches(next, to));
  return new Map(
    nodes.map(({ name, imports: all }) => [name, all.filter((to) => !all.some((via) => reaches(via, to)))]),
  );
}

/**
 * Returns the packages in rows, the lowest first: each stands above everything that it imports, and as near as that allows to
 * those that import it. Throws an Error if packages import in a circle.
 */
export function rowsOf(nodes: readonly Node[]): Node[][] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const above = (name: string) => nodes.filter(({ imports }) => imports.includes(name));
  const depth = (name: string, trail: readonly string[] = []): number => {
    if (trail.includes(name)) throw new Error(`packages import in a circle: ${[...trail, name].join(" -> ")}`);
    return Math.max(-1, ...byName.get(name)!.imports.map((to) => depth(to, [...trail, name]))) + 1;
  };
  const depths = new Map(nodes.map(({ name }) => [name, depth(name)]));
  const rank = (name: string): number => {
    const users = above(name);
    return users.length === 0 ? depths.get(name)! : Math.min(...users.map((user) => rank(user.name))) - 1;
  };
  const rows: Node[][] = [];
  for (const node of nodes) {
    const at = rank(node.name);
    rows[at] ??= [];
    rows[at].push(node);
  }
  return rows.map((row) => row.sort(inOrder));
}

const KINDS: readonly Kind[] = ["core", "wgsl", "mechanism", "backend", "tool", "app"];
const LABELS: Readonly<Record<Kind, string>> = {
  ...{
    core: "the interface",
    wgsl: "kernels",
    mechanism: "mechanisms",
    backend: "backends",
    tool: "tools",
    app: "apps",
  },
};
const inOrder = (a: Node, b: Node): number =>
  KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || (a.name < b.name ? -1 : 1);

const BOX = { width: 104, height: 34 };
const STEP = { x: 120, y: 92 };
const MARGIN = 20;

/** Returns the picture as SVG: boxes in rows, and arrows from a package to what it imports. */
export function draw(nodes: readonly Node[]): string {
  const rows = rowsOf(nodes);
  const rowOf = new Map(rows.flatMap((row, r) => row.map(({ name }) => [name, r] as const)));
  const edges = [...reduced(nodes)].flatMap(([from, imports]) => imports.map((to) => ({ from, to })));
  // An arrow over several rows keeps a place free in each row between them.
  const slots = rows.map((row, r) => {
    const passing = edges.filter(({ from, to }) => rowOf.get(to)! < r && r < rowOf.get(from)!);
    const guests = passing.map(({ from, to }) => ({
      ...nodes.find(({ name }) => name === from)!,
      name: `${from}>${to}`,
    }));
    return [...row, ...guests].sort(inOrder);
  });
  const columns = Math.max(...slots.map((row) => row.length));
  const [width, height] = [MARGIN * 2 + columns * STEP.x, MARGIN * 2 + rows.length * STEP.y];
  const yOf = (r: number) => height - MARGIN - BOX.height - r * STEP.y;
  const xOf = (r: number, name: string) =>
    width / 2 + (slots[r]!.findIndex((slot) => slot.name === name) - (slots[r]!.length - 1) / 2) * STEP.x;
  const arrows = edges.map(({ from, to }) => {
    const [first, last] = [rowOf.get(from)!, rowOf.get(to)!];
    let [x, y] = [xOf(first, from), yOf(first) + BOX.height];
    let line = `M${x} ${y}`;
    for (let r = first - 1; r >= last; r--) {
      const [nextX, nextY] = r === last ? [xOf(r, to), yOf(r) - 5] : [xOf(r, `${from}>${to}`), yOf(r)];
      const bend = (nextY - y) / 2;
      line += ` C${x} ${y + bend} ${nextX} ${nextY - bend} ${nextX} ${nextY}`;
      [x, y] = [nextX, nextY + (r === last ? 0 : BOX.height)];
      if (r > last) line += ` V${y}`;
    }
    return `<path d="${line}" marker-end="url(#end)"/>`;
  });
  const boxes = nodes.map(({ name, kind, dir, about }) => {
    const [x, y] = [xOf(rowOf.get(name)!, name), yOf(rowOf.get(name)!)];
    const rect = `<rect x="${x - BOX.width / 2}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6"/>`;
    const text = `<text x="${x}" y="${y + BOX.height / 2 + 4}">${name}</text>`;
    return `<g class="${kind}"><title>${escaped(`${dir}: ${about}`)}</title>${rect}${text}</g>`;
  });
  const legend = KINDS.filter((kind) => nodes.some((node) => node.kind === kind)).map((kind, i) => {
    const y = MARGIN + 10 + i * 18;
    return `<g class="${kind}"><rect x="${MARGIN}" y="${y - 10}" width="12" height="12" rx="3"/><text class="legend" x="${MARGIN + 18}" y="${y}">${LABELS[kind]}</text></g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    "<title>The packages of attnkit and their imports</title>",
    STYLE,
    '<defs><marker id="end" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0 L8 4 L0 8 z"/></marker></defs>',
    `<rect class="page" width="${width}" height="${height}"/>`,
    ...arrows,
    ...boxes,
    ...legend,
    "</svg>",
  ].join("\n");
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

const STYLE = `<style>
  text { font: 13px system-ui, sans-serif; text-anchor: middle; fill: #1c1c1c }
  .legend { text-anchor: start; font-size: 12px }
  .page { fill: #ffffff }
  path { fill: none; stroke: #8a8f98; stroke-width: 1.2 }
  .tip { fill: #8a8f98; stroke: none }
  g rect { stroke: #6b7280 }
  .core rect { fill: #ffd9a8 } .wgsl rect { fill: #f6e58d } .mechanism rect { fill: #bfe3c4 }
  .backend rect { fill: #b9d7f5 } .tool rect { fill: #e4dcf5 } .app rect { fill: #f7cfd8 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f0f0 }
    .page { fill: #16181d }
    .core rect { fill: #7a4a10 } .wgsl rect { fill: #665c10 } .mechanism rect { fill: #1f5a2c }
    .backend rect { fill: #1d4a78 } .tool rect { fill: #4a3a78 } .app rect { fill: #7a2c40 }
  }
</style>`;
