import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { cli, folder } from "./harness.ts";

const dir = folder();

test("the support table of the README is what `attnkit list --markdown` prints", async () => {
  const readme = readFileSync(fileURLToPath(new URL("../../../README.md", import.meta.url)), "utf8");
  const table = /<!-- support:begin -->\n([\s\S]*?)<!-- support:end -->/.exec(readme)?.[1];
  expect(table).toBe((await cli(dir, ["list", "--markdown"])).out);
});
