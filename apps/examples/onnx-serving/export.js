/** Writes attention.onnx: softmax attention of any batch size and any number of tokens, with a key mask. */
import { writeFileSync } from "node:fs";
import { exportOnnx } from "@attnkit/onnx";
import { softmax } from "@attnkit/softmax";

const path = process.argv[2] ?? "attention.onnx";
const file = exportOnnx(softmax(), { form: "prefill", keyMask: true, dims: { Hq: 4, d: 16 } });
writeFileSync(path, file);
console.log(`${path}: ${file.length} bytes, inputs q k v [batch, 4, length, 16] and keyMask [batch, length], output y`);
