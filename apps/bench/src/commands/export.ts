import { creator } from "@attnkit/catalog";
import type { Causal } from "@attnkit/core";
import { checkOnnx, type ExportOptions, exportOnnx, toText } from "@attnkit/onnx";
import { type Command, InvalidArgumentError, Option } from "commander";
import { checkWritable, readInput, writeOutput } from "../files.ts";
import { type Io, UsageError } from "../io.ts";
import { mechanismNamed } from "../select.ts";
import * as flag from "./flags.ts";
import { mechanismFlags, optionsFrom } from "./mechanism-flags.ts";

interface Flags extends Readonly<Record<string, unknown>> {
  readonly mechanism?: string;
  readonly form?: ExportOptions["form"];
  readonly causal?: true | "end";
  readonly heads: number;
  readonly keyHeads?: number;
  readonly channels: number;
  readonly valueChannels?: number;
  readonly length?: number;
  readonly batch?: number;
  readonly mask?: true | "per-head";
  readonly bias?: true | "per-head";
  readonly keyMask: boolean;
  readonly lse: boolean;
  readonly dtype: "float16" | "float32" | "float64";
  readonly opset: number;
  readonly chunk?: number;
  readonly fused: boolean;
  readonly out?: string;
  readonly pretty: boolean;
  readonly check?: string;
}

export function exportCommand(program: Command, io: Io): void {
  const command = program
    .command("export")
    .description("Write a mechanism as an ONNX file with inputs q, k, v, past.* and outputs y, present.*.")
    .option("--mechanism <name>", "mechanism to export; `attnkit list` prints the names")
    .addOption(
      new Option(
        "--form <name>",
        "prefill: tokens without a state; block: tokens after a state; decode: one token after a state",
      ).choices(["prefill", "block", "decode"]),
    )
    .option(
      "--causal [end]",
      "each query sees only keys up to its own position; `end` aligns the last query with the last key",
      causal,
    )
    .option("--heads <n>", "number of query heads", flag.positive, 8)
    .option("--key-heads <n>", "number of key and value heads; default as many as query heads", flag.positive)
    .option("--channels <n>", "channels of q and k per head", flag.positive, 64)
    .option("--value-channels <n>", "channels of v per head; default as many as k has", flag.positive)
    .option("--length <n>", "tokens per block; by default it is chosen when the model runs", flag.positive)
    .option("--batch <n>", "batch size; by default it is chosen when the model runs", flag.positive)
    .option("--mask [per-head]", "add an input mask, shared by all heads or per head", perHead)
    .option("--bias [per-head]", "add an input bias, shared by all heads or per head", perHead)
    .option("--key-mask", "add an input keyMask", false)
    .option("--lse", "add an output lse, the logarithm of each row's normaliser", false)
    .addOption(new Option("--dtype <type>", "float type").choices(["float16", "float32", "float64"]).default("float32"))
    .option("--opset <n>", "ONNX opset, 18 to 25", flag.positive, 21)
    .option("--chunk <n>", "tokens computed at a time if --length is not given; default 128", flag.positive)
    .option("--fused", "use a program written for ONNX Runtime's CPU providers; an error if there is none", false)
    .option("--out <file>", "file to write")
    .option("--pretty", "print the graph as text", false)
    .option("--check <file>", "check this ONNX file against ONNX's rules instead of writing one");
  mechanismFlags(command, ["form"]).action((flags: Flags) => run(io, flags));
}

async function run(io: Io, flags: Flags): Promise<void> {
  if (flags.check !== undefined) return check(io, flags.check, flags);
  const { form: named, causal = false, keyMask, lse, dtype, opset, ...rest } = flags;
  const form = given(named, "--form", "prefill, block or decode");
  const entry = mechanismNamed(given(flags.mechanism, "--mechanism", "a name that `attnkit list` prints"));
  const mechanism = (flags.fused ? await creator(entry, { kind: "onnx" }) : entry.create)(optionsFrom(rest));
  if (flags.out === undefined && !flags.pretty)
    throw new UsageError("--out", "is missing; expected --out FILE, --pretty or both");
  if (flags.out !== undefined) await checkWritable(io, flags.out);
  const dims = {
    Hq: flags.heads,
    d: flags.channels,
    ...(flags.keyHeads !== undefined && { Hkv: flags.keyHeads }),
    ...(flags.valueChannels !== undefined && { dv: flags.valueChannels }),
    ...(flags.length !== undefined && { L: flags.length }),
    ...(flags.batch !== undefined && { B: flags.batch }),
  };
  const file = exportOnnx(mechanism, {
    ...{ form, causal, keyMask, lse, dtype, opset, dims, fused: flags.fused },
    ...(flags.mask !== undefined && { mask: flags.mask }),
    ...(flags.bias !== undefined && { bias: flags.bias }),
    ...(flags.chunk !== undefined && { chunk: flags.chunk }),
  });
  if (flags.pretty) io.out(toText(file));
  if (flags.out === undefined) return;
  await writeOutput(io, flags.out, file);
  io.out(`${flags.out} ${file.length} bytes\n`);
}

/** Checks an ONNX file and prints its versions, inputs, outputs and metadata, or its graph as text. */
async function check(io: Io, path: string, flags: Flags): Promise<void> {
  const clash = (["mechanism", "form", "out"] as const).find((name) => flags[name] !== undefined);
  if (clash) throw new UsageError(`--${clash}`, "cannot be combined with --check");
  const file = await readInput(io, path);
  const { irVersion, opsets, inputs, outputs, nodes, metadata } = checkOnnx(file);
  if (flags.pretty) return io.out(toText(file));
  const list = (values: Readonly<Record<string, unknown>>) =>
    Object.entries(values).map(([name, value]) => `${name} ${Array.isArray(value) ? `[${value.join(", ")}]` : value}`);
  io.out(`${path} ${file.length} bytes, IR version ${irVersion}, ${nodes} nodes\n`);
  for (const [title, values] of Object.entries({ opset: opsets, in: inputs, out: outputs, metadata }))
    for (const line of list(values)) io.out(`  ${title} ${line}\n`);
}

function given<X>(value: X | undefined, name: string, expected: string): X {
  if (value === undefined) throw new UsageError(name, `is missing; expected ${expected}`);
  return value;
}

function causal(text: string): Causal {
  if (text === "end") return "end";
  throw new InvalidArgumentError("Expected nothing or end.");
}

function perHead(text: string): "per-head" {
  if (text === "per-head") return text;
  throw new InvalidArgumentError("Expected nothing or per-head.");
}
