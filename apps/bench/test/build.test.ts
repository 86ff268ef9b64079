import { createRequire } from "node:module";
import { afterEach, describe, expect, test, vi } from "vitest";
import { missingPackage } from "../src/build.ts";
import { messageOf, userMessage } from "../src/io.ts";

const thrown = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};
const find = createRequire(import.meta.url).resolve;

describe("an optional package of a bundle that is not installed", () => {
  afterEach(() => vi.unstubAllEnvs());
  const absent = thrown(() => find("@nobody/absent/data.json"));
  const build = { packages: {}, optional: { "@nobody/absent": "1.2.3" }, frameworks: {}, commit: null };

  test("is named with the line that installs it", async () => {
    vi.stubEnv("ATTNKIT_BUILD", JSON.stringify(build));
    const sentence = "the package @nobody/absent is not installed here; run npm install @nobody/absent@1.2.3";
    expect(messageOf(absent)).toBe(sentence);
    expect(userMessage(absent)).toBe(sentence);
    const message = "Cannot find package '@nobody/absent' imported from /somewhere/chunk.js";
    expect(missingPackage(Object.assign(new Error(message), { code: "ERR_MODULE_NOT_FOUND" }))).toBe(sentence);
  });

  test("is a fault of the program where nothing is optional, and so is every other error", () => {
    expect(missingPackage(absent)).toBeUndefined();
    expect(userMessage(absent)).toBeUndefined();
    vi.stubEnv("ATTNKIT_BUILD", JSON.stringify({ ...build, optional: {} }));
    expect(missingPackage(absent)).toBeUndefined();
    vi.stubEnv("ATTNKIT_BUILD", JSON.stringify(build));
    expect(missingPackage(thrown(() => find("./absent.json")))).toBeUndefined();
    expect(missingPackage(new Error("Cannot find module '@nobody/absent'"))).toBeUndefined();
    expect(missingPackage(undefined)).toBeUndefined();
  });
});
