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
    .description("a mechanism as an ONNX file: q, k, v and past.* in, y and present.* out")
    .option("--mechanism <name>", "what it computes; `attnkit list` names them")
    .addOption(
      new Option("--form <name>", "a block of tokens without or after a past, or one token after a past").choices([
        "prefill",
        "block",
        "decode",
      ]),
    )
    .option("--causal [end]", "a query sees the keys up to its own", causal)
    .option("--heads <n>", "query heads", flag.positive, 8)
    .option("--key-heads <n>", "key and value heads; default as many as query heads", flag.positive)
    .option("--channels <n>", "channels of q and k", flag.positive, 64)
    .option("--value-channels <n>", "channels of v; default as many as of k", flag.positive)
    .option("--length <n>", "tokens of a prefill or block; default any", flag.positive)
    .option("--batch <n>", "batch; default any", flag.positive)
    .option("--mask [per-head]", "also take mask, one for all heads or one for each", perHead)
    .option("--bias [per-head]", "also take bias, one for all heads or one for each", perHead)
    .option("--key-mask", "also take keyMask", false)
    .option("--lse", "also give the logarithm of each row's normaliser", false)
    .addOption(new Option("--dtype <type>", "float type").choices(["float16", "float32", "float64"]).default("float32"))
    .option("--opset <n>", "ONNX opset, 18 to 25", flag.positive, 21)
    .option("--chunk <n>", "tokens computed at a time where the length is any; default 128", flag.positive)
    .option("--fused", "one of the programs made for ONNX Runtime's CPU providers; an error where there is none", false)
    .option("--out <file>", "the file to write")
    .option("--pretty", "print the graph as text", false)
    .option("--check <file>", "read an ONNX file instead of making one, and check it against ONNX's rules");
  mechanismFlags(command, ["form"]).action((flags: Flags) => run(io, flags));
}

async function run(io: Io, flags: Flags): Promise<void> {
  if (flags.check !== undefined) return check(io, flags.check, flags);
  const { form: named, causal = false, keyMask, lse, dtype, opset, ...rest } = flags;
  const form = given(named, "--form", "prefill, block or decode");
  const entry = mechanismNamed(given(flags.mechanism, "--mechanism", "a name that `attnkit list` prints"));
  const mechanism = (flags.fused ? await creator(entry, "onnx") : entry.create)(optionsFrom(rest));
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

/** What a file says of itself. */
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
