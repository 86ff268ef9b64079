import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { arrows, cycles, declared, light } from "../structure/arrows.ts";
import { readRepo } from "../structure/repo.ts";
import { entries, filesOf, manifests, ranges, readmes, references, short } from "../structure/shape.ts";

const repo = readRepo(fileURLToPath(new URL("../../..", import.meta.url)));

test("every package of the house is found", () => {
  const kinds = new Set(repo.packages.map(({ kind }) => kind));
  expect([...kinds].sort()).toEqual(["app", "backend", "core", "mechanism", "tool", "wgsl"]);
});

test.each(
  Object.entries({ arrows, declared, light, cycles, short, manifests, ranges, filesOf, readmes, entries, references }),
)("%s", (_, rule) => {
  expect(rule(repo)).toEqual([]);
});
