import { backends } from "@attnkit/catalog";
import { runConformance } from "@attnkit/core/conformance";
import { test } from "vitest";
import { rows } from "./rows.ts";

test("m", async () => {
  const entry = backends.find((b) => b.name === "tfjs-webgpu")!;
  const all = await rows(entry.kind, "first");
  const r = await runConformance(
    { backend: () => entry.create(), mechanisms: all },
    { filter: (i) => ["decode", "kernel-gradient"].includes(i.law) },
  );
  for (const c of r.cases)
    console.log(c.mechanism, c.law, c.title, c.status, c.used.toFixed(2), c.ms, c.error?.slice(0, 300) ?? "");
}, 600_000);
