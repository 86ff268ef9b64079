import type { Causal } from "@attnkit/core";
import { type ExportOptions, exportOnnx } from "@attnkit/onnx";
import { type Command, InvalidArgumentError, Option } from "commander";
import { checkWritable, writeOutput } from "../files.ts";
import type { Io } from "../io.ts";
import { mechanismNamed } from "../select.ts";
import * as flag from "./flags.ts";
import { mechanismFlags, optionsFrom } from "./mechanism-flags.ts";

interface Flags extends Readonly<Record<string, unknown>> {
  readonly mechanism: string;
  readonly form: ExportOptions["form"];
  readonly causal?: true | "end";
  readonly heads: number;
  readonly keyHeads?: number;
  readonly channels: number;
  readonly valueChannels?: number;
  readonly length?: number;
  readonly batch?: number;
  readonly keyMask: boolean;
  readonly lse: boolean;
  readonly dtype: "float32" | "float64";
  readonly opset: number;
  readonly out: string;
}

export function exportCommand(program: Command, io: Io): void {
  const command = program
    .command("export")
    .description("a mechanism as an ONNX file: q, k, v and past.* in, y and present.* out")
    .requiredOption("--mechanism <name>", "what it computes; `attnkit list` names them")
    .addOption(
      new Option("--form <name>", "--length tokens without or after a past, or one token after a past")
        .choices(["prefill", "block", "decode"])
        .makeOptionMandatory(),
    )
    .option("--causal [end]", "a query sees the keys up to its own", causal)
    .option("--heads <n>", "query heads", flag.positive, 8)
    .option("--key-heads <n>", "key and value heads; default as many as query heads", flag.positive)
    .option("--channels <n>", "channels of q and k", flag.positive, 64)
    .option("--value-channels <n>", "channels of v; default as many as of k", flag.positive)
    .option("--length <n>", "tokens of a prefill or block", flag.positive)
    .option("--batch <n>", "batch; default any", flag.positive)
    .option("--key-mask", "also take keyMask", false)
    .option("--lse", "also give the logarithm of each row's normaliser", false)
    .addOption(new Option("--dtype <type>", "float type").choices(["float32", "float64"]).default("float32"))
    .option("--opset <n>", "ONNX opset, 18 to 25", flag.positive, 21)
    .requiredOption("--out <file>", "the file to write");
  mechanismFlags(command, ["form"]).action((flags: Flags) => run(io, flags));
}

async function run(io: Io, flags: Flags): Promise<void> {
  const { form, causal = false, keyMask, lse, dtype, opset, ...rest } = flags;
  await checkWritable(io, flags.out);
  const mechanism = mechanismNamed(flags.mechanism).create(optionsFrom(rest));
  const dims = {
    Hq: flags.heads,
    d: flags.channels,
    ...(flags.keyHeads !== undefined && { Hkv: flags.keyHeads }),
    ...(flags.valueChannels !== undefined && { dv: flags.valueChannels }),
    ...(flags.length !== undefined && { L: flags.length }),
    ...(flags.batch !== undefined && { B: flags.batch }),
  };
  const file = exportOnnx(mechanism, { form, causal, keyMask, lse, dtype, opset, dims });
  await writeOutput(io, flags.out, file);
  io.out(`${flags.out} ${file.length} bytes\n`);
}

function causal(text: string): Causal {
  if (text === "end") return "end";
  throw new InvalidArgumentError("Expected nothing or end.");
}
