/** Native inputs with their labels and values, bound to signals. */
import type { Signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

export interface RangeProps {
  readonly label: string;
  readonly value: Signal<number>;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** How the value is shown and read out. */
  readonly show?: (value: number) => string;
}

export function Range({ label, value, min, max, step, show = String }: RangeProps): JSX.Element {
  const id = useId();
  const words = show(value.value);
  return (
    <div class="field">
      <label for={id}>
        <span>{label}</span>
        <output>{words}</output>
      </label>
      <input
        id={id}
        type="range"
        {...{ min, max, step }}
        value={value.value}
        aria-valuetext={words}
        onInput={({ currentTarget }) => {
          value.value = currentTarget.valueAsNumber;
        }}
      />
    </div>
  );
}

export interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly value: Signal<T>;
  readonly values: readonly T[];
  /** How a value is shown. */
  readonly show?: (value: T) => string;
}

export function Choice<T extends string>({ label, value, values, show = String }: ChoiceProps<T>): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value.value}
        onChange={({ currentTarget }) => {
          value.value = currentTarget.value as T;
        }}
      >
        {values.map((option) => (
          <option key={option} value={option}>
            {show(option)}
          </option>
        ))}
      </select>
    </div>
  );
}

export interface CheckProps {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly disabled?: boolean;
  readonly children: ComponentChildren;
}

export function Check({ checked, onChange, disabled = false, children }: CheckProps): JSX.Element {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
      <span>{children}</span>
    </label>
  );
}

/** Any of `values`, each a box to tick. */
export function Ticks<T extends string>(props: {
  readonly legend: string;
  readonly value: Signal<readonly T[]>;
  readonly values: readonly T[];
  readonly disabled?: boolean;
  /** How a value is shown. */
  readonly show?: (value: T) => string;
}): JSX.Element {
  const { legend, value, values, disabled = false, show = String } = props;
  return (
    <fieldset>
      <legend>{legend}</legend>
      <div class="row">
        {values.map((name) => (
          <Check
            key={name}
            disabled={disabled}
            checked={value.value.includes(name)}
            onChange={(on) => {
              value.value = values.filter((other) => (other === name ? on : value.value.includes(other)));
            }}
          >
            {show(name)}
          </Check>
        ))}
      </div>
    </fieldset>
  );
}
