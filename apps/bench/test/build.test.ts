import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { missingPackage } from "../src/build.ts";
import { messageOf, userMessage } from "../src/io.ts";
import { frameworks, installed } from "../src/measure/environment.ts";
import { folder } from "./harness.ts";

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

describe("the frameworks of a record", () => {
  const dir = folder();
  afterEach(() => vi.unstubAllEnvs());
  const build = {
    packages: {},
    frameworks: { webgpu: "0.0.1", "onnxruntime-web": "0.0.1", absent: "0.0.1" },
    commit: null,
  };

  test("are those that a bundle brings, or those that are installed beside it", () => {
    vi.stubEnv("ATTNKIT_BUILD", JSON.stringify(build));
    expect(frameworks()).toEqual(build.frameworks);
    vi.stubEnv(
      "ATTNKIT_BUILD",
      JSON.stringify({ ...build, optional: { "onnxruntime-web": "0.0.1", absent: "0.0.1" } }),
    );
    expect(frameworks()).toEqual({ "onnxruntime-web": expect.stringMatching(/^1\.\d+\.\d+$/) });
  });

  test("are found even if they do not export their package.json", () => {
    const at = join(dir, "node_modules/@nobody/closed");
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, "package.json"), JSON.stringify({ version: "3.2.1", exports: {} }));
    expect(installed(["@nobody/closed", "@nobody/absent"], join(dir, "main.js"))).toEqual({
      "@nobody/closed": "3.2.1",
    });
  });
});
