import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { messageOf } from "../io.ts";
import { PythonCheck } from "../record.ts";
import { writeModels } from "./models.ts";

/** Milliseconds until Python is stopped. Importing the packages takes most of its time. */
const LIMIT = 40_000;

/**
 * Runs `check_models.py` on the exported models with `python3`, and returns what it found. A bundle carries models and script in the
 * folder `ATTNKIT_MODELS`; elsewhere the models are exported into a folder that is removed afterwards.
 */
export async function checkModels(python = "python3"): Promise<PythonCheck> {
  const carried = process.env.ATTNKIT_MODELS;
  const folder = carried ?? (await mkdtemp(join(tmpdir(), "attnkit-models-")));
  try {
    if (carried === undefined) await writeModels(folder);
    const script =
      carried === undefined
        ? fileURLToPath(new URL("../../gpu/check_models.py", import.meta.url))
        : join(carried, "check_models.py");
    const { stdout } = await promisify(execFile)(python, [script, folder], { timeout: LIMIT, maxBuffer: 2 ** 26 });
    return PythonCheck.parse(JSON.parse(stdout));
  } catch (error) {
    const says = `The exported models were not checked by Python: ${messageOf(error)}.`;
    return { python: "none", packages: { onnx: null, onnxruntime: null, numpy: null }, models: [], says };
  } finally {
    if (carried === undefined) await rm(folder, { recursive: true, force: true });
  }
}
