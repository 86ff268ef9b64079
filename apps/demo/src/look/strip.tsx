import type { JSX } from "preact";
import { useId } from "preact/hooks";
import type { View } from "./model.ts";

/** The tokens; choosing one follows its row in every picture. */
export function Strip({ view }: { readonly view: View }): JSX.Element {
  const { tokens, row, unit } = view;
  const name = useId();
  return (
    <fieldset class={`strip ${unit.value}`}>
      <legend>Follow the row of</legend>
      {tokens.value.map((token, i) => (
        <label key={i}>
          <input
            type="radio"
            class="visually-hidden"
            name={name}
            checked={row.value === i}
            aria-label={`${named(token)}, token ${i + 1}`}
            onChange={() => {
              row.value = i;
            }}
          />
          <span>{visible(token)}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** Blanks have no ink. */
const visible = (token: string): string => (token.trim() === "" ? "\u00b7" : token);

/** Blanks have no sound either. */
export const named = (token: string): string =>
  ({ " ": "space", "\n": "line break", "\t": "tab" })[token] ?? `\u201c${token}\u201d`;
