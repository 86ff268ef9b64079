/**
 * The program that Deno runs: the conformance suite and golden vectors on `@attnkit/webgpu`. It writes one `DenoResult` as
 * JSON on each line of its standard output. Its arguments are `every law` or `some laws`, and files of golden vectors; without
 * files it takes the oracle's.
 */
import { creator, mechanisms } from "@attnkit/catalog/mechanisms";
import { readVectors, runConformance, runVectors } from "@attnkit/core/conformance";
import { type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { expected } from "../vectors/vector-case.ts";
import { type DenoResult, parts } from "./selection.ts";

/** The part of Deno's global that is used. */
declare const Deno: { readonly args: readonly string[]; readTextFileSync(path: string): string };

const [everyLaw, ...paths] = Deno.args;
const write = (result: DenoResult) => console.log(JSON.stringify(result));

/** wgpu reports an invalid shader or dispatch only through the event `uncapturederror`, and continues without it. */
const reported: string[] = [];

async function open(): Promise<WebgpuBackend> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("wgpu found no adapter: this machine has no GPU, or no driver that wgpu can use");
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const device = await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
  device.addEventListener("uncapturederror", ({ error }) => reported.push(`wgpu: ${error.message}`));
  const { vendor, device: name, description } = adapter.info;
  write({ kind: "adapter", name: [vendor, name, description].join(" ") });
  return webgpu({ device });
}

const backend = await open();

/** Returns the errors that wgpu reported since the last call. The work on the device ends first. */
async function newlyReported(): Promise<string[]> {
  const x = backend.upload([0]);
  await backend.download(x);
  backend.free(x);
  return reported.splice(0);
}

for (const { part, mechanisms, chosen } of await parts(everyLaw === "every law")) {
  await runConformance(
    { backend: () => backend, mechanisms },
    {
      filter: chosen,
      replay: () => "npx vitest run --project node tools/matrix/test/deno",
      async onProgress({ mechanism, law, title, ms, error }) {
        const errors = [...(error === undefined ? [] : [error]), ...(await newlyReported())];
        write({ kind: "case", part, mechanism, law, title, ms, errors });
      },
    },
  );
}

const makers = Object.fromEntries(
  await Promise.all(mechanisms.map(async (entry) => [entry.name, await creator(entry, backend)] as const)),
);
const files = paths.map((path) => readVectors(JSON.parse(Deno.readTextFileSync(path))));
const oracles = mechanisms.map(({ name, variants }) => expected(name, variants[0] ?? {}, "float32", 0));
for (const c of files.length > 0 ? files.flat() : oracles) {
  const [result] = await runVectors([c], { backend, mechanism: (name, options) => makers[name]?.(options) });
  const { status, reason } = result!;
  const errors = status === "fail" ? [`${reason}`] : [];
  write({ kind: "vector", name: c.name, errors: [...errors, ...(await newlyReported())] });
}
