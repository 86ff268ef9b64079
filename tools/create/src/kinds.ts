/** The kinds of projects, as data. A new kind is an entry here and its folders in `templates/`. */

export type Kind = "backend" | "mechanism" | "app";
export type AppTemplate = "node" | "vite" | "tfjs";

/** One choice: a value of a flag, and the sentence that help and prompts show for it. */
export interface Choice<V extends string> {
  readonly value: V;
  readonly says: string;
}

export const kinds: readonly Choice<Kind>[] = [
  { value: "backend", says: "the operations on the tensors of one framework; the suite lists what is missing" },
  { value: "mechanism", says: "an attention formula: a reference that passes, and a program to write" },
  { value: "app", says: "a program that uses attnkit and runs at once" },
];

export const appTemplates: readonly Choice<AppTemplate>[] = [
  { value: "node", says: "a Node script: prefill and decode on the CPU" },
  { value: "vite", says: "a web page built by Vite: WebGPU, else the CPU" },
  { value: "tfjs", says: "training with attention layers on TensorFlow.js" },
];

/** The name that templates use in place of the chosen one; `myBackend` and `MyBackend` follow from it. */
export const placeholder: Readonly<Record<Kind, string>> = {
  backend: "my-backend",
  mechanism: "my-mechanism",
  app: "my-app",
};

/** Where a kind belongs in a clone of attnkit: its folder, and the list of the catalog that names it. */
export const places: Readonly<Record<Kind, { readonly folder: string; readonly list?: string }>> = {
  backend: { folder: "packages/backends", list: "tools/catalog/src/backend-list.ts" },
  mechanism: { folder: "packages/mechanisms", list: "tools/catalog/src/mechanism-list.ts" },
  app: { folder: "apps" },
};

/** The folders of `templates/` that make a project, in order: a later one replaces files of an earlier one. */
export function layers(kind: Kind, template: AppTemplate, inside: boolean): readonly string[] {
  if (kind === "app") return [`app-${template}`, ...(inside ? ["app.inside"] : [])];
  return [kind, `${kind}.${inside ? "inside" : "outside"}`];
}
