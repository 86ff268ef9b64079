/** Weights in and out, and the trained attention as ONNX. */
import { creator, mechanisms } from "@attnkit/catalog/mechanisms";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Context } from "../contract.ts";
import { download } from "../shell/download.ts";
import { readModel, type SavedModel, writeModel } from "./files/weights.ts";
import { ModelField, useModel } from "./model.tsx";
import type { Session } from "./session.ts";

interface FilesProps {
  readonly session: Session;
  readonly context: Context;
  load(model: SavedModel): void;
}

export function Files({ session, context, load }: FilesProps): JSX.Element {
  const models = session.plan.value?.models ?? [];
  const model = useModel(session);
  const { names, mechanism } = model;
  const layers = models[0]?.layers ?? 1;
  const layer = useSignal(0);
  const form = useSignal<"prefill" | "decode">("decode");
  const ready = names.length > 0 && !["idle", "opening"].includes(session.status.value.kind);
  const guarded = (work: () => Promise<string>) => () => work().then(context.announce, session.failed);

  const save = guarded(async () => {
    const trained = await session.model(mechanism);
    const name = `${mechanism}-${trained.step}.safetensors`;
    download(name, "application/octet-stream", writeModel(trained) as BlobPart);
    session.saved(mechanism, trained.step);
    return `${name} is downloaded.`;
  });
  const onnx = guarded(async () => {
    const trained = await session.model(mechanism);
    const [{ exportLayer }, make] = await Promise.all([
      import("./files/onnx.ts"),
      creator(mechanisms.find((m) => m.name === mechanism)!, { kind: "onnx" }),
    ]);
    const at = Math.min(layer.value, trained.config.layers - 1);
    const name = `${mechanism}-layer${at}-${form.value}.onnx`;
    download(
      name,
      "application/octet-stream",
      exportLayer(make(trained.config.options), trained, at, form.value) as BlobPart,
    );
    return `${name} is downloaded.`;
  });
  const read = async (input: HTMLInputElement) => {
    const file = input.files?.[0];
    if (!file) return;
    try {
      load(readModel(file.name, new Uint8Array(await file.arrayBuffer())));
    } catch (error) {
      context.problem(error);
    }
    input.value = "";
  };

  return (
    <section class="card train-files" aria-labelledby="train-files">
      <h3 id="train-files">Files</h3>
      <div class="train-how">
        <ModelField id="train-file-model" model={model} disabled={!ready} />
        <button type="button" disabled={!ready} onClick={save}>
          Download weights
        </button>
        <label class="field">
          Load weights (safetensors)
          <input type="file" accept=".safetensors" onChange={(e) => void read(e.currentTarget)} />
        </label>
      </div>
      <p class="soft">
        Weights are a safetensors file with the sizes, the mechanism and the step in its metadata. The optimiser's
        moments are not in it: training that goes on from a file starts them at zero. The page keeps no model: leaving
        or reloading it loses what was not downloaded, and the browser asks first.
      </p>
      <div class="train-how">
        <div class="field">
          <label for="train-layer">Layer</label>
          <select
            id="train-layer"
            value={String(layer.value)}
            disabled={!ready}
            onChange={(e) => (layer.value = +e.currentTarget.value)}
          >
            {Array.from({ length: layers }, (_, i) => (
              <option key={i} value={String(i)}>
                {i}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="train-form">Form</label>
          <select
            id="train-form"
            value={form.value}
            disabled={!ready}
            onChange={(e) => (form.value = e.currentTarget.value as "prefill")}
          >
            <option value="decode">decode: one token and the state</option>
            <option value="prefill">prefill: one context of tokens</option>
          </select>
        </div>
        <button type="button" disabled={!ready} onClick={onnx}>
          Export attention as ONNX
        </button>
      </div>
      <p class="soft">
        Exported is the attention of one layer, weights included: the projections of q, k and v, their norms, the
        mechanism, the norm of its output and the output projection. Inputs <code>q</code>, <code>k</code>,{" "}
        <code>v</code> [batch, 1, tokens, channels] are the layer's rows after its first norm and token shift; the MLP
        and the embedding are not in the file.
      </p>
    </section>
  );
}
