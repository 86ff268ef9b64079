/**
 * Writes a tarball of every published package into a folder, `tarballs` by default, and prints the commands that install
 * them together. The tarballs name each other by path: pack them again instead of moving them.
 */
import { relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { packTogether } from "./release/tarballs.mjs";

const { values } = parseArgs({ options: { to: { type: "string", default: "tarballs" } } });
const folder = resolve(values.to);
const tarballs = packTogether(folder);

const width = Math.max(...tarballs.map(({ name }) => name.length));
for (const { name, file } of tarballs) console.log(`${name.padEnd(width)}  ${relative(process.cwd(), file)}`);
const quoted = /\s/.test(folder) ? `"${folder}"/*.tgz` : `${folder}/*.tgz`;
console.log(`
Install them, in another project, by one of these commands. A tarball alone also works: it installs those that it needs.
  npm install ${quoted}
  pnpm add ${quoted}
With Yarn, name each tarball under "resolutions" in package.json first, then: yarn add ${quoted}`);
