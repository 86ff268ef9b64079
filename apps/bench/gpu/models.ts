/** Writes the exported models of a bundle into the folder that is its argument. pack.mjs runs it. */
import { writeModels } from "../src/gpu/models.ts";

const folder = process.argv[2];
if (folder === undefined) throw new Error("usage: node models.mjs FOLDER");
await writeModels(folder);
