import { availableParallelism } from "node:os";
import { playwright } from "@vitest/browser-playwright";
import { defaultClientConditions, defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";
import { builtOutput } from "./tools/repo/built-output.ts";
import { launch } from "./tools/repo/chromium.ts";
import { LongestFirst } from "./tools/repo/longest-first.ts";

/** `ATTNKIT_DIST=1` runs Node tests against what would be published; `tools/repo/test-dist.mjs` says which. */
const dist = process.env.ATTNKIT_DIST === "1";
const source = dist ? [] : ["@attnkit/source"];
const plugins = dist ? [builtOutput()] : [];
const tests = (kind: string) => `{packages,apps,tools}/**/test/**/*.${kind}.ts`;

export default defineConfig({
  test: {
    // Vitest would leave one core to itself, which is half of a machine with two.
    maxWorkers: availableParallelism(),
    sequence: { sequencer: LongestFirst },
    reporters: process.env.ATTNKIT_TEST_JSON
      ? ["default", ["json", { outputFile: process.env.ATTNKIT_TEST_JSON }]]
      : ["default"],
    projects: [
      {
        plugins,
        resolve: { conditions: [...source, ...defaultServerConditions] },
        ssr: { resolve: { conditions: [...source, ...defaultServerConditions] } },
        test: {
          name: "node",
          // Files share two cores with browsers and software adapters: what takes a second alone may take many.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          benchmark: { include: ["{packages,tools}/**/bench/*.bench.ts"] },
          include: [tests("test")],
          // The tests of templates are those of projects to come, and fail until these are written.
          exclude: ["**/node_modules/**", "tools/create/templates/**", tests("browser.test"), tests("page.test")],
        },
      },
      {
        plugins,
        resolve: { conditions: [...source, ...defaultServerConditions] },
        ssr: { resolve: { conditions: [...source, ...defaultServerConditions] } },
        test: {
          name: "page",
          include: [tests("page.test")],
          globalSetup: ["./tools/repo/chromium.ts", "./apps/demo/test/site.ts"],
          testTimeout: 120_000,
        },
      },
      {
        resolve: { conditions: ["@attnkit/source", ...defaultClientConditions] },
        // It finds its WebAssembly beside its own file, which Vite would copy elsewhere.
        optimizeDeps: { exclude: ["onnxruntime-web"] },
        test: {
          name: "browser",
          include: [tests("browser.test"), tests("universal.test")],
          globalSetup: ["./tools/repo/chromium.ts", "./tools/matrix/test/vectors/vector-files.ts"],
          browser: {
            enabled: true,
            headless: true,
            // The files share one GPU process, which the software adapter keeps busy.
            fileParallelism: false,
            screenshotFailures: false,
            provider: playwright({ launchOptions: launch() }),
            instances: [{ browser: "chromium" }],
          },
        },
      },
    ],
  },
});
