/** The folder of a sixth mechanism, by path: all that its author writes. */
export const sigmoid = (license: string): Readonly<Record<string, string>> => ({
  LICENSE: license,
  "package.json": `${JSON.stringify(manifest, null, 2)}\n`,
  "tsconfig.json": JSON.stringify({
    extends: "../../../tsconfig.base.json",
    compilerOptions: { isolatedDeclarations: false },
    references: [{ path: "../../core" }],
  }),
  "README.md": readme,
  "src/index.ts": program,
  "src/reference.ts": reference,
  "src/about.ts": about,
});

const url = "https://github.com/attnkit/attnkit";
const dir = "packages/mechanisms/sigmoid";
const entry = (name: string) => ({
  "@attnkit/source": `./src/${name}.ts`,
  types: `./dist/${name}.d.ts`,
  default: `./dist/${name}.js`,
});

const manifest = {
  name: "@attnkit/sigmoid",
  version: "0.0.0",
  description: "Sigmoid attention as an attnkit mechanism",
  keywords: ["attention", "sigmoid"],
  license: "MIT",
  author: "The attnkit authors",
  homepage: `${url}/tree/main/${dir}#readme`,
  bugs: `${url}/issues`,
  repository: { type: "git", url: `git+${url}.git`, directory: dir },
  type: "module",
  sideEffects: false,
  engines: { node: ">=20.19" },
  exports: { ".": entry("index"), "./reference": entry("reference"), "./about": entry("about") },
  files: ["dist", "src", "!dist/.tsbuildinfo"],
  scripts: { build: `node -e "fs.rmSync('dist',{recursive:true,force:true})" && tsc -p tsconfig.json` },
  dependencies: { "@attnkit/core": "workspace:^" },
  publishConfig: { access: "public", provenance: true },
  attnkit: { size: { ".": { import: "sigmoid", limit: 8500 } } },
};

const readme = `# @attnkit/sigmoid

Sigmoid attention as an attnkit mechanism.

\`\`\`sh
npm install @attnkit/core @attnkit/sigmoid
\`\`\`

\`\`\`ts
import { sigmoid } from "@attnkit/sigmoid";
\`\`\`

## Formula
<!-- options:begin -->
<!-- options:end -->
## State
## Cost
## Domain
## Supported
## WebGPU
## Source
`;

const program = `import type { Mechanism } from "@attnkit/core";
import {
  knownAxisSize,
  cacheEntries,
  clip,
  declareOptions,
  extendCache,
  foldQueryHeads,
  mergeCaches,
  numberOption,
  type OptionDeclarations,
  type OptionsOf,
  transposeLast,
  unfoldQueryHeads,
} from "@attnkit/core/program";

const table = {
  scale: numberOption({ absent: "1 / sqrt(d)" }, "multiplies q.k"),
  offset: numberOption({ from: -20, to: 20, default: 0 }, "is added to every score; the paper takes -log n"),
};

export type SigmoidOptions = OptionsOf<typeof table>;
export const sigmoidOptions: OptionDeclarations<typeof table> = declareOptions("sigmoid", table);

/** Sigmoid attention (Ramapuram et al. 2024, eq. 3): y_i = sum_j sigmoid(scale q_i.k_j + offset) v_j. */
export function sigmoid(options: SigmoidOptions = {}): Mechanism {
  const { scale, offset } = sigmoidOptions.resolve(options);
  return {
    name: "sigmoid",
    options: { ...options },
    domain: { q: 100, k: 100 },
    takes: { mask: true, bias: true, lse: "the weights are not normalised" },
    state: cacheEntries,
    granularity: () => 1,
    forward(o, block, { causal }) {
      const keys = extendCache(o, block, causal);
      const [hq, L, d] = o.shape(block.q).slice(1) as [number, number, number];
      const hkv = knownAxisSize(o, keys.k, 1);
      const rows = o.mul(clip(o, block.q, 1e6), scale ?? 1 / Math.sqrt(d));
      const products = o.matmul(foldQueryHeads(o, rows, hkv), transposeLast(o, clip(o, keys.k, 1e6)));
      const scores = o.add(unfoldQueryHeads(o, products, hq, L), offset);
      const biased = block.bias === undefined ? scores : o.add(scores, block.bias);
      const weights = o.mul(o.add(o.tanh(o.mul(biased, 0.5)), 1), 0.5);
      const seen = keys.visible === undefined ? weights : o.where(keys.visible, weights, 0);
      return { y: unfoldQueryHeads(o, o.matmul(foldQueryHeads(o, seen, hkv), keys.v), hq, L), state: keys.state };
    },
    merge: mergeCaches,
  };
}
`;

const reference = `import type { Options } from "@attnkit/core";
import type { Reference } from "@attnkit/core/program";

export function sigmoidReference(options: Options = {}): Reference {
  const { scale, offset = 0 } = options as { scale?: number; offset?: number };
  return (head) => {
    const rows = head.q.map((q, i) => {
      const zeros = (head.v[0] ?? []).map(() => 0);
      const [y, size] = [[...zeros], [...zeros]];
      for (const [j, k] of head.k.entries()) {
        if (!head.visible(i, j)) continue;
        const products = q.map((x, c) => x * k[c]! * (scale ?? 1 / Math.sqrt(q.length)));
        const score = products.reduce((sum, x) => sum + x, offset + head.bias(i, j));
        const terms = products.reduce((sum, x) => sum + Math.abs(x), Math.abs(offset) + Math.abs(head.bias(i, j)));
        const weight = 1 / (1 + Math.exp(-score));
        for (const [f, x] of head.v[j]!.entries()) {
          y[f]! += weight * x;
          size[f]! += (1 + weight * terms) * Math.abs(x);
        }
      }
      return { y, size };
    });
    return { y: rows.map((r) => r.y), scale: rows.map((r) => r.size) };
  };
}
`;

const about = `import type { AboutMechanism } from "@attnkit/core/program";
import { sigmoid, sigmoidOptions } from "./index.ts";
import { sigmoidReference } from "./reference.ts";

export const about: AboutMechanism = {
  name: "sigmoid",
  paper: { cite: "Ramapuram et al. 2024", url: "https://arxiv.org/abs/2409.04431", published: "2024-09" },
  summary: { what: "sigmoid attention", weight: "\`sigmoid(q.k / sqrt d)\`", state: "every key and value" },
  create: sigmoid,
  reference: sigmoidReference,
  options: sigmoidOptions.table,
  variants: [{}, { offset: -2 }],
  picture: {
    formula: () => "1 / (1 + exp(-q·k / √d - b)), not normalised",
    note: () => "A function of q·k alone.",
    controls: { offset: { label: "Offset b", from: -4, to: 4, step: 0.5 } },
  },
};
`;
