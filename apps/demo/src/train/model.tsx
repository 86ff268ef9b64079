/** The choice of one of the models in training. */
import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Session } from "./session.ts";

export interface ModelChoice {
  readonly names: readonly string[];
  /** The model that was chosen, or the first; "" where there is none. */
  readonly mechanism: string;
  readonly chosen: Signal<string>;
}

export function useModel(session: Session): ModelChoice {
  const names = (session.plan.value?.models ?? []).map((m) => m.mechanism);
  const chosen = useSignal("");
  return { names, chosen, mechanism: names.includes(chosen.value) ? chosen.value : (names[0] ?? "") };
}

interface FieldProps {
  readonly id: string;
  readonly model: ModelChoice;
  readonly disabled: boolean;
}

export function ModelField({ id, model: { names, mechanism, chosen }, disabled }: FieldProps): JSX.Element {
  return (
    <div class="field">
      <label for={id}>Model</label>
      <select id={id} value={mechanism} disabled={disabled} onChange={(e) => (chosen.value = e.currentTarget.value)}>
        {names.length === 0 && <option value="">train one first</option>}
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </div>
  );
}
